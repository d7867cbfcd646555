import CLinuxIO
import Glibc

/// Waits for the end of processes, without reaping them, until it is told to give up.
final class EndWatch: Sendable {
    private let wakeup: Int32

    /// Throws when the program has no descriptors left.
    init() throws(PrivateServerError) {
        wakeup = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        guard wakeup >= 0 else { throw .keepsEnding(logTail: "it can't be watched: \(String(cString: strerror(errno)))") }
    }

    deinit { close(wakeup) }

    /// Blocks until the process has ended (true) or the watch has given up (false).
    func waitForEnd(of pid: pid_t) -> Bool {
        while true {
            let process = linux_pidfd(pid)
            if process < 0, errno == ESRCH { return true }
            defer { if process >= 0 { close(process) } }
            var pollers = [pollfd(fd: wakeup, events: Int16(POLLIN), revents: 0), pollfd(fd: process, events: Int16(POLLIN), revents: 0)]
            // Without a descriptor left for the process, which poll then passes over, try again in a second.
            guard poll(&pollers, 2, process < 0 ? 1000 : -1) > 0 else { continue }
            return pollers[0].revents == 0
        }
    }

    /// Ends the wait under way and all later ones.
    func giveUp() { eventfd_write(wakeup, 1) }
}
