import EventSourcing
import Glibc

/// The file of the key that checkpoints are signed with: one line in the form of Go's `note` package, readable by its owner only.
package struct AuditKeyFile: Sendable {
    package let path: String

    package init(_ path: String) { self.path = path }

    /// The key, made on first use.
    /// - Parameter origin: the log's name for a new key; nil names it after the key. A key that is there keeps its name, and another one here is refused.
    package func open(origin: String?) throws(AuditFileError) -> NoteSigner {
        if let origin, !NoteSigner.isName(origin) { throw .unusable(path, "a log's name has neither spaces nor a plus sign") }
        if access(path, F_OK) != 0 { try WholeFile(path).create("\(NoteSigner(name: origin))\n") }
        let signer = try read()
        if let origin, origin != signer.verifier.name {
            throw .unusable(
                path, "it is the key of \(signer.verifier.name), not of \(origin); a log that changes its name needs a new key, in another file")
        }
        return signer
    }

    /// The key that is there.
    package func read() throws(AuditFileError) -> NoteSigner {
        guard let text = try WholeFile(path).read() else { throw .unusable(path, "it is not there; the first start of the system makes it") }
        guard let signer = NoteSigner(text.prefix { !$0.isNewline }) else { throw .unusable(path, "it holds no Ed25519 note key") }
        return signer
    }

    /// The file beside it that holds the checkpoint signed last.
    package var lastCheckpoint: LastCheckpointFile { LastCheckpointFile(path + ".checkpoint") }
}

/// A file that audit depends on can't be used.
package enum AuditFileError: Error, CustomStringConvertible, Equatable {
    /// Path and reason.
    case unusable(String, String)

    package var description: String {
        switch self {
        case .unusable(let path, let reason): "the file \(path) can't be used: \(reason)"
        }
    }
}
