import CLinuxIO
import FoundationEssentials
import Glibc

/// A server process, whether this program started it or an earlier one that was killed.
struct Postmaster: Sendable {
    let pid: pid_t
    /// Only a child leaves something to reap.
    let isChild: Bool

    /// The server that runs on this data according to its own pid file; nil when that is stale.
    static func running(on folder: ServerFolder) -> (postmaster: Postmaster, port: Int, socketFolder: String)? {
        guard let bytes = FileManager.default.contents(atPath: "\(folder.data)/postmaster.pid") else { return nil }
        // pid, data folder, start time, port, socket folder, …
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.count >= 5, let pid = pid_t(lines[0]), let port = Int(lines[3]), works(pid, on: folder) else { return nil }
        return (Postmaster(pid: pid, isChild: false), port, String(lines[4]))
    }

    /// Processes of a server on this data, found by their working folder: after a kill they outlive their postmaster for a moment.
    static func leftovers(on folder: ServerFolder) -> [pid_t] {
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: "/proc") else { return [] }
        return names.compactMap { pid_t($0) }.filter { works($0, on: folder) }
    }

    /// A process id may have been given to somebody else since, and anybody's shell may work in the folder: it must be PostgreSQL and be there. A
    /// dead process that nobody has reaped works nowhere any more.
    private static func works(_ pid: pid_t, on folder: ServerFolder) -> Bool {
        guard let cwd = realpath("/proc/\(pid)/cwd", nil) else { return false }
        defer { free(cwd) }
        return String(cString: cwd) == folder.data && program(of: pid) == "postgres"
    }

    /// The name of the file a process runs; what the process calls itself when that file can't be seen.
    private static func program(of pid: pid_t) -> String? {
        if let path = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/exe"), let name = path.split(separator: "/").last {
            // An upgrade may have replaced the file under a running server.
            return name.hasSuffix(" (deleted)") ? String(name.dropLast(" (deleted)".count)) : String(name)
        }
        guard let bytes = FileManager.default.contents(atPath: "/proc/\(pid)/comm") else { return nil }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").first.map(String.init)
    }

    /// Sends a signal; does nothing when the process has ended.
    func signal(_ number: Int32) { _ = kill(pid, number) }

    /// Waits for the end, at most so long; true when it has come.
    func waitForEnd(_ limit: Duration) -> Bool {
        let descriptor = linux_pidfd(pid)
        guard descriptor >= 0 else { return reap() }
        defer { close(descriptor) }
        var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        let deadline = ContinuousClock.now + limit
        while true {
            let left = ContinuousClock.now.duration(to: deadline)
            let milliseconds = max(0, left.components.seconds * 1000 + left.components.attoseconds / 1_000_000_000_000_000)
            let ready = poll(&poller, 1, Int32(clamping: milliseconds))
            if ready > 0 { return reap() }
            if ready == 0 { return false }
        }
    }

    private func reap() -> Bool {
        if isChild { while waitpid(pid, nil, 0) < 0, errno == EINTR {} }
        return true
    }
}
