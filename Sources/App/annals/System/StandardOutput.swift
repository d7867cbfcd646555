import ArgumentParser
import Audit
import Glibc
import NIOPosix

/// Standard output of a command that may print for a long time, to a reader that may be slow or leave early.
struct StandardOutput: Sendable {
    /// Writes lines at once. When nobody reads any more, the command ends quietly with exit code 0: `… | head` has what it wants.
    func write(_ lines: [String]) async throws {
        do {
            try await writeLines(lines, to: STDOUT_FILENO, name: "standard output")
        } catch let error as ExportOutputError {
            if error.isUnread { throw ExitCode.success }
            throw Failure("\(error)")
        }
    }
}

/// Writes lines, on a thread that may block.
func writeLines(_ lines: [String], to descriptor: Int32, name: String) async throws {
    if lines.isEmpty { return }
    let bytes = lines.flatMap { Array($0.utf8) + [UInt8(ascii: "\n")] }
    try await NIOThreadPool.singleton.runIfActive { try writeAll(bytes, to: descriptor, name: name) }
}
