import Foundation
import NIOHTTP1
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10))) struct `WAL that can't be archived` {
    @Test func `is told by a metric, and by the doctor, until it can be again`() async throws {
        try await withDataDirectory { root in
            try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
            let (data, backups) = (root + "/data", root + "/backups")
            let port = try ChildServer.freePort()
            let system = try await RunningSystem(
                dataDirectory: data, environment: ["ANNALS_BACKUP_FOLDER": backups, "ANNALS_METRICS_PORT": "\(port)"], isApart: false)
            func failing() async throws -> Double? {
                let answer = try await Client(base: "").call(.GET, "http://127.0.0.1:\(port)/metrics")
                let line = String(decoding: answer.body, as: UTF8.self).split(separator: "\n").first {
                    $0.hasPrefix("annals_wal_archive_failing_seconds ")
                }
                return line?.split(separator: " ").last.flatMap { Double($0) }
            }
            try await eventually(every: .milliseconds(100)) { try await failing() == 0 }

            let name = try String(contentsOfFile: data + "/postgres/archive", encoding: .utf8).trimmingCharacters(in: .newlines)
            let (archive, away) = ("\(backups)/\(name)", "\(backups)/away")
            try #require(rename(archive, away) == 0)
            try await eventually(every: .milliseconds(500)) {
                try await system.endSegment()
                return try await failing() ?? 0 > 0
            }
            let doctor = try await Launch.run(["doctor", "--data-dir", data], environment: ["ANNALS_BACKUP_FOLDER": backups])
            #expect(doctor.output.contains("WAL can't be archived"), "\(doctor.output)")

            try #require(rename(away, archive) == 0)
            try await eventually(every: .milliseconds(500)) {
                // The server tries again after a minute, or when there is one segment more.
                try await system.endSegment()
                return try await failing() == 0
            }
            #expect(await system.interrupt() == 0)
        }
    }
}

extension RunningSystem {
    /// Writes a little WAL and ends its segment.
    fileprivate func endSegment() async throws {
        try await execute("SELECT pg_logical_emit_message(false, 'tests', 'x'); SELECT pg_switch_wal()", in: "annals_log")
    }
}
