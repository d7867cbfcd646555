import ArgumentParser
import Glibc
import NIOPosix

/// Standard output of a command that may print for a long time, to a reader that may be slow or leave early.
struct StandardOutput: Sendable {
    init() {
        // A reader that has left must be an error of the write, not a deadly signal.
        signal(SIGPIPE, SIG_IGN)
    }

    /// Writes lines at once, on a thread that may block. When nobody reads any more, the command ends quietly with exit
    /// code 0: `… | head` has what it wants.
    func write(_ lines: [String]) async throws {
        if lines.isEmpty { return }
        let bytes = lines.flatMap { Array($0.utf8) + [UInt8(ascii: "\n")] }
        try await NIOThreadPool.singleton.runIfActive { try writeAll(bytes) }
    }
}

private func writeAll(_ bytes: [UInt8]) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
        let count = rest.withUnsafeBytes { Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
        switch count < 0 ? errno : 0 {
        case 0: rest = rest.dropFirst(count)
        case EINTR: continue
        case EPIPE: throw ExitCode.success
        case let code: throw Failure("standard output can't be written: \(String(cString: strerror(code)))")
        }
    }
}
