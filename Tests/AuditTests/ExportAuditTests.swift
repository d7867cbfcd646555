import Crypto
import EventLogTesting
import FoundationEssentials
import Postgres
import TestSupport
import Testing

@testable import Audit

@Suite struct `An export with proofs` {
    @Test func `is checked from its file alone`() async throws {
        try await Self.open { audited, path in
            let report = try Self.verify(path, audited)
            #expect(report.difference == nil && report.events == 300 && report.positions == 1...300 && report.isContiguous && report.size == 300)
        }
    }

    @Test func `of some of the log says that there are others`() async throws {
        try await Self.open(where: "position % 7 = 0") { audited, path in
            let report = try Self.verify(path, audited)
            #expect(report.difference == nil && report.events == 42 && report.positions == 7...294 && !report.isContiguous)
        }
    }

    @Test func `tells where it was changed`() async throws {
        try await Self.open { audited, path in
            let lines = try Self.lines(path)
            func difference(_ change: (inout [String]) -> Void) throws -> AuditDifference? {
                var changed = lines
                change(&changed)
                try Data((changed.joined(separator: "\n") + "\n").utf8).write(to: URL(fileURLWithPath: path))
                return try Self.verify(path, audited).difference
            }
            #expect(try difference { _ in } == nil)
            #expect(try difference { $0[17] = $0[17].replacing("\"number\":16", with: "\"number\":61") }?.position == 17)
            #expect(try difference { $0.swapAt(20, 21) }?.position == 20)
            #expect(try difference { $0.remove(at: 30) }?.what.contains("300") == true)
            #expect(try difference { $0.insert($0[40], at: 40) }?.position == 40)
            #expect(try difference { $0.removeLast() }?.what.contains("cut off") == true)
            #expect(try difference { $0.append($0[1]) } != nil)
            #expect(try difference { $0[0] = $0[0].replacing("example.org/log", with: "example.org/lag") } != nil)
            #expect(try difference { $0[300] = "{}" } != nil)
            #expect(try difference { $0[9] = $0[9].replacing("\"leafIndex\":8", with: "\"leafIndex\":9") } != nil)
            #expect(try difference { $0 = [] } != nil)
        }
    }

    @Test func `is held against the auditor's own checkpoint and key`() async throws {
        try await Self.open { audited, path in
            let seen = try #require(try audited.keyFile.lastCheckpoint.read())
            #expect(try ExportAudit(keys: [try audited.signer.verifier], witnessed: seen).run(path).difference == nil)
            let other = try SignedCheckpoint(size: 300, root: .sha256([]), by: try audited.signer)
            #expect(try ExportAudit(keys: [try audited.signer.verifier], witnessed: other).run(path).difference != nil)
            #expect(try ExportAudit(keys: [NoteSigner(name: "example.org/log").verifier]).run(path).difference != nil)
            #expect(throws: AuditFileError.self) { _ = try ExportAudit(keys: []).run(path + "x") }
        }
    }

    private static func verify(_ path: String, _ audited: AuditedLog) throws -> ExportAudit.Report {
        try ExportAudit(keys: [try audited.signer.verifier]).run(path)
    }

    private static func lines(_ path: String) throws -> [String] {
        String(decoding: try Data(contentsOf: URL(fileURLWithPath: path)), as: UTF8.self).split(separator: "\n").map(String.init)
    }

    /// A log of 300 events, and an export of those that meet the condition.
    private static func open(where condition: String = "true", _ body: @Sendable (AuditedLog, String) async throws -> Void) async throws {
        try await AuditedLog.open { audited in
            try await audited.append(300)
            let checkpoint = try await audited.catchUp()
            let path = audited.folder + "/export.ndjson"
            var json = CanonicalJSON()
            let bytes = try await audited.log.withPool(as: "annals_projector") { pool in
                var lines = ProofLines(MerkleLog(pool), against: checkpoint)
                lines.appendHeader(to: &json)
                var count: Int64 = 0
                try await StoredEventScan(pool, where: condition).chunks(of: 1...300) { chunk in
                    count += Int64(try await lines.append(chunk, to: &json))
                }
                let digest = Array(SHA256.hash(data: json.bytes))
                ProofLines.appendTrailer(events: count, sha256: digest, to: &json)
                return json.bytes
            }
            try Data(bytes).write(to: URL(fileURLWithPath: path))
            try await body(audited, path)
        }
    }
}
