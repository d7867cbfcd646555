import EventSourcing
import FoundationEssentials
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
        if access(path, F_OK) != 0 { try AtomicFile(path).create("\(NoteSigner(name: origin))\n") }
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
        guard let text = try AtomicFile(path).read() else { throw .unusable(path, "it is not there; the first start of the system makes it") }
        guard let signer = NoteSigner(text.prefix { !$0.isNewline }) else { throw .unusable(path, "it holds no Ed25519 note key") }
        return signer
    }

    /// The public halves of the keys that signed before this one, oldest first: the lines of the file `….retired` beside it. None without that file.
    package func retired() throws(AuditFileError) -> [NoteVerifier] {
        let list = path + ".retired"
        guard let text = try AtomicFile(list).read() else { return [] }
        return try text.split(whereSeparator: \.isNewline).map { line throws(AuditFileError) in
            guard let key = NoteVerifier(line) else {
                throw .unusable(list, "“\(line.prefix(80))” is not a key in the form that `audit key` prints")
            }
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
        case .gone(let path, let checkpoint): "the file \(path) no longer holds the checkpoint of \(checkpoint.checkpoint.size), nor a later one"
        }
    }
}

/// The checkpoint that was signed last, outside of any database: it is written before a checkpoint is published, so no restore of the log can bring
/// back a moment in which that had not been signed yet.
package struct LastCheckpointFile: Sendable {
    package let path: String

    init(_ path: String) { self.path = path }

    /// Nil when nothing was signed yet.
    package func read() throws(AuditFileError) -> SignedCheckpoint? {
        guard let text = try AtomicFile(path).read() else { return nil }
        guard let checkpoint = SignedCheckpoint(text) else { throw .unusable(path, "it does not hold a checkpoint") }
        return checkpoint
    }

    /// The checkpoint, made durable: its writer may have been killed before the name was on the disk.
    func settled() throws(AuditFileError) -> SignedCheckpoint? {
        guard let checkpoint = try read() else { return nil }
        try AtomicFile(path).syncFolder()
        return checkpoint
    }

    /// Puts `next` in the place of `expected`, durably. False, and nothing done, when another checkpoint is there by now: another process signs, too.
    /// Throws `AuditFileError.gone` if the file is missing or holds a smaller checkpoint, since no signer leaves it so.
    ///
    /// Processes of one machine take turns by a lock on the file `….lock`, which the kernel releases with its holder. Blocks.
    func replace(_ expected: SignedCheckpoint?, with next: SignedCheckpoint) throws(AuditFileError) -> Bool {
        let lock = open(path + ".lock", O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
        guard lock >= 0 else { throw .unavailable(path + ".lock", String(cString: strerror(errno))) }
        defer { close(lock) }
        while flock(lock, LOCK_EX) != 0 {
            guard errno == EINTR else { throw .unavailable(path + ".lock", String(cString: strerror(errno))) }
        }
        let current = try read()
        if let expected, expected.checkpoint.size > current?.checkpoint.size ?? 0 { throw .gone(path, expected) }
        guard current == expected else { return false }
        try AtomicFile(path).replace(next.note.description)
        return true
    }
}

/// A small file that is on the disk whole, before and after each change of it.
package struct AtomicFile {
    private let path: String

    package init(_ path: String) { self.path = path }

    /// Its text; nil when it is not there.
    package func read() throws(AuditFileError) -> String? {
        guard let data = FileManager.default.contents(atPath: path) else {
            if access(path, F_OK) != 0, errno == ENOENT { return nil }
            throw failure("it can't be read")
        }
        return String(decoding: data, as: UTF8.self)
    }

    /// Makes it, unless somebody else was faster.
    package func create(_ text: String) throws(AuditFileError) {
        let unfinished = try write(text)
        defer { unlink(unfinished) }
        // A link never replaces: of two first starts, one makes the file and both read it.
        guard link(unfinished, path) == 0 || errno == EEXIST else { throw failure("it can't be made: \(lastError)") }
        try syncFolder()
    }

    /// Replaces it.
    package func replace(_ text: String) throws(AuditFileError) {
        let unfinished = try write(text)
        guard rename(unfinished, path) == 0 else {
            let reason = lastError
            unlink(unfinished)
            throw failure("it can't be replaced: \(reason)")
        }
        try syncFolder()
    }

    private func write(_ text: String) throws(AuditFileError) -> String {
        let unfinished = "\(path).\(getpid()).\(UInt32.random(in: .min ... .max))"
        let descriptor = Glibc.open(unfinished, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure("it can't be made: \(lastError)") }
        defer { close(descriptor) }
        let code = writeAll(Array(text.utf8), to: descriptor)
        guard code == 0, fsync(descriptor) == 0 else {
            let reason = String(cString: strerror(code == 0 ? errno : code))
            unlink(unfinished)
            throw failure("it can't be written: \(reason)")
        }
        return unfinished
    }

    /// A name is on the disk only once its folder is.
    func syncFolder() throws(AuditFileError) {
        let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        let descriptor = Glibc.open(folder.isEmpty ? "/" : folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("its folder can't be opened: \(lastError)") }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw failure("its folder can't be written: \(lastError)") }
    }

    private var lastError: String { String(cString: strerror(errno)) }

    private func failure(_ reason: String) -> AuditFileError { .unavailable(path, reason) }
}
