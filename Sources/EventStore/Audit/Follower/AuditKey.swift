import EventSourcing
import Glibc

/// The file of the key that checkpoints are signed with: one line in the form of Go's `note` package, readable by its owner only.
package struct AuditKeyFile: Sendable {
    package let path: String

    package init(_ path: String) { self.path = path }

    /// The key, made on first use.
    /// - Parameter origin: the log's name for a new key; nil names it after the key. A key that is there keeps its name, and another one here is
    ///   refused.
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

    /// The key that is there. Refused when every user of the machine may read or write it: a reader can sign in the log's name, a writer can choose
    /// the key.
    package func read() throws(AuditFileError) -> NoteSigner {
        var status = stat()
        if stat(path, &status) == 0, status.st_mode & 0o007 != 0 {
            throw .unusable(path, "every user of this machine may read or write it; chmod 600 ends that")
        }
        guard let text = try WholeFile(path).read() else { throw .unusable(path, "it is not there; the first start of the system makes it") }
        guard let signer = NoteSigner(text.prefix { !$0.isNewline }) else { throw .unusable(path, "it holds no Ed25519 note key") }
        return signer
    }

    /// The public halves of the keys that signed before this one, oldest first: the lines of the file `….retired` beside it. None without that file.
    package func retired() throws(AuditFileError) -> [NoteVerifier] {
        let list = path + ".retired"
        guard let text = try WholeFile(list).read() else { return [] }
        return try text.split(whereSeparator: \.isNewline).map { line throws(AuditFileError) in
            guard let key = NoteVerifier(line) else { throw .unusable(list, "“\(line.prefix(80))” is no key as `audit key` prints it") }
            return key
        }
    }

    /// The file beside it that holds the checkpoint signed last.
    package var lastCheckpoint: LastCheckpointFile { LastCheckpointFile(path + ".checkpoint") }
}

/// A file that audit depends on can't be used.
package enum AuditFileError: Error, CustomStringConvertible, Equatable {
    /// It has another form, or others may read it: path and reason.
    case unusable(String, String)
    /// It can't be read or written at the moment: path and reason.
    case unavailable(String, String)
    /// The checkpoint was in the file at the path, and neither it nor a later one is there any more.
    case gone(String, SignedCheckpoint)

    package var description: String {
        switch self {
        case .unusable(let path, let reason), .unavailable(let path, let reason): "the file \(path) can't be used: \(reason)"
        case .gone(let path, let checkpoint): "the file \(path) holds the checkpoint of \(checkpoint.checkpoint.size) no more, nor a later one"
        }
    }
}
