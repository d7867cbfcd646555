import CLinuxIO
import FoundationEssentials
import Glibc

/// One program at a time may run a server in a folder. The kernel lets go of the lock when the program ends, however it ends.
final class ServerLock: Sendable {
    private let descriptor: Int32

    /// Throws `.inUse` with the holder's process id.
    init(_ folder: ServerFolder) throws(PrivateServerError) {
        descriptor = open(folder.lock, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .unwritable(folder.path) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let holder = FileManager.default.contents(atPath: folder.lock).flatMap { Int32(String(decoding: $0, as: UTF8.self)) }
            throw .inUse(pid: holder)
        }
        let pid = Array(String(getpid()).utf8)
        guard ftruncate(descriptor, 0) == 0, write(descriptor, pid, pid.count) == pid.count else { throw .unwritable(folder.path) }
    }

    deinit {
        // Closing alone would leave it to a child that another thread has forked and that has not become another program yet.
        flock(descriptor, LOCK_UN)
        close(descriptor)
    }
}
