import Glibc

/// The checkpoint that was signed last, outside of any database: it is written before a checkpoint is published, so no restore of the log can bring
/// back a moment in which that had not been signed yet.
package struct LastCheckpointFile: Sendable {
    package let path: String

    init(_ path: String) { self.path = path }

    /// Nil when nothing was signed yet.
    package func read() throws(AuditFileError) -> SignedCheckpoint? {
        guard let text = try WholeFile(path).read() else { return nil }
        guard let checkpoint = SignedCheckpoint(text) else { throw .unusable(path, "it does not hold a checkpoint") }
        return checkpoint
    }

    /// The checkpoint, made durable: its writer may have been killed before the name was on the disk.
    func settled() throws(AuditFileError) -> SignedCheckpoint? {
        guard let checkpoint = try read() else { return nil }
        try WholeFile(path).syncFolder()
        return checkpoint
    }

    /// Puts `next` in the place of `expected`, durably. False, and nothing done, when another checkpoint is there by now: another process signs, too.
    /// Throws `AuditFileError.gone` when there is none any more or a smaller one: no signer leaves it so.
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
        try WholeFile(path).replace(next.note.description)
        return true
    }
}
