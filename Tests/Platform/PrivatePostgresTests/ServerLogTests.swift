import Foundation
import Testing

@testable import PrivatePostgres

@Suite struct `A private server's log` {
    private func log(_ lines: String...) throws -> ServerLog {
        let path = FileManager.default.temporaryDirectory.appending(path: "annals-log-\(UUID().uuidString.prefix(8))").path
        try Data(lines.joined(separator: "\n").utf8).write(to: URL(filePath: path))
        return ServerLog(path: path)
    }

    @Test func `names a full disk, not the clients that are turned away meanwhile`() throws {
        let log = try log(
            "LOG:  database system was interrupted",
            "FATAL:  the database system is not yet accepting connections",
            "DETAIL:  Consistent recovery state has not been yet reached.",
            #"FATAL:  could not write to file "pg_wal/xlogtemp.9": No space left on device"#,
            "LOG:  startup process (PID 9) exited with exit code 1",
            "FATAL:  the database system is starting up",
            "LOG:  aborting startup due to startup process failure")
        defer { unlink(log.path) }
        let error = PrivateServerError.failedToStart(logTail: log.tail())
        #expect(error.description.hasSuffix(#"FATAL:  could not write to file "pg_wal/xlogtemp.9": No space left on device"#))
        #expect(error.mayPass)
    }

    @Test func `finds the cause behind a crowd of refused clients`() throws {
        let refused = Array(repeating: "FATAL:  the database system is starting up", count: 5000)
        let log = try log(([#"PANIC:  could not fsync file "x": Input/output error"#] + refused).joined(separator: "\n"))
        defer { unlink(log.path) }
        // The end of the log is all that is read, and the refusals fill it.
        #expect(log.tail() == "it left no log")
        let short = try self.log((["PANIC:  the cause"] + refused.prefix(500)).joined(separator: "\n"))
        defer { unlink(short.path) }
        #expect(PrivateServerError.keepsEnding(logTail: short.tail()).description == "PostgreSQL keeps ending: PANIC:  the cause")
    }

    @Test(arguments: [
        ("FATAL:  configuration file \"postgresql.conf\" contains errors", false),
        ("FATAL:  could not map anonymous shared memory: Cannot allocate memory", true),
        ("FATAL:  could not create file \"x\": Disk quota exceeded", true), ("it left no log", false),
    ]) func `tells a shortage, which may pass, from what somebody must mend`(line: String, mayPass: Bool) {
        #expect(PrivateServerError.failedToStart(logTail: "LOG:  starting\n\(line)").mayPass == mayPass)
    }
}
