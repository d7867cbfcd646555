import Crypto
import EventLogTesting
import FoundationEssentials
import JSON
import Postgres
import TestSupport
import Testing

@testable import Audit

@Suite(.timeLimit(.minutes(15))) struct `An export with proofs` {
    @Test func `is checked from its file alone`() async throws {
        try await Self.open { audited, path in
            let report = try Self.verify(path, audited)
            #expect(report.difference == nil && report.events == 300 && report.positions == 1...300 && report.isContiguous && report.size == 300)
        }
    }

    @Test func `of some of the log says that there are others`() async throws {
        try await Self.open(every: 7) { audited, path in
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

    @Test func `says nothing beside what is proven`() async throws {
        try await Self.open { audited, path in
            let lines = try Self.lines(path)
            // The forger of a line can make the digest fit again.
            func difference(_ change: (inout [String]) -> Void) throws -> AuditDifference? {
                var changed = Array(lines.dropLast())
                change(&changed)
                let text = Array((changed.joined(separator: "\n") + "\n").utf8)
                var trailer = JSONWriter()
                ProvenExport.Trailer(events: 300, sha256: Array(SHA256.hash(data: text)).hexadecimal).append(to: &trailer)
                try Data(text + trailer.bytes).write(to: URL(fileURLWithPath: path))
                return try Self.verify(path, audited).difference
            }
            #expect(try difference { _ in } == nil)
            let forged = lines[5].replacing("\"number\":4", with: "\"number\":9").dropFirst()
            #expect(forged != lines[5].dropFirst())
            let (header, event, trailer) = (lines[0], lines[5], lines[301])
            let events: [String] = [
                "\(event.dropLast()),\(forged)", "\(event.dropLast()),\"event\":{\"position\":5}}", "\(event.dropLast()),\"actor\":\"ann\"}",
                "{\"actor\":\"ann\",\(event.dropFirst())", event.replacing(",\"proof\":[", with: ", \"proof\":["), event + " ", event + "\r",
                event.replacing("\"leafIndex\":4", with: "\"leafIndex\":4.0"),
            ]
            for forgery in events { #expect(try difference { $0[5] = forgery } != nil, "\(forgery)") }
            let headers: [String] = [
                "\(header.dropLast()),\"filter\":\"all events\"}", "{\"a\":1,\(header.dropFirst())", "\(header.dropLast()),\(header.dropFirst())",
                header.replacing("{\"checkpoint\":", with: "{\"checkpoint\": "),
                header.replacing(",\"format\":", with: ",\"consistency\":{\"proof\":[],\"size\":1,\"x\":1},\"format\":"),
            ]
            for forgery in headers { #expect(try difference { $0[0] = forgery } != nil, "\(forgery)") }
            for forgery in ["\(trailer.dropLast()),\"filter\":\"all events\"}", trailer + " ", "{\"a\":1,\(trailer.dropFirst())"] {
                try Data(((lines.dropLast() + [forgery]).joined(separator: "\n") + "\n").utf8).write(to: URL(fileURLWithPath: path))
                #expect(try Self.verify(path, audited).difference != nil, "\(forgery)")
            }
        }
    }

    @Test(arguments: ["300", "9223372036854775807", "-1", "-9223372036854775808", "9223372036854775808"])
    func `has no leaf that its checkpoint does not cover`(index: String) async throws {
        try await Self.open { audited, path in
            var lines = try Self.lines(path)
            lines[9] = lines[9].replacing("\"leafIndex\":8,", with: "\"leafIndex\":\(index),")
            try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: URL(fileURLWithPath: path))
            let report = try Self.verify(path, audited)
            #expect(report.difference?.what.contains("line 10 ") == true && report.events == 8)
        }
    }

    @Test func `whose lines ends were converted says so`() async throws {
        try await Self.open { audited, path in
            try Data(try Self.lines(path).map { $0 + "\r\n" }.joined().utf8).write(to: URL(fileURLWithPath: path))
            #expect(try Self.verify(path, audited).difference?.what.contains("CR and LF") == true)
        }
    }

    @Test func `is proven to go on from an older checkpoint that it was made for`() async throws {
        try await Self.open(early: 100, against: true) { audited, path in
            let early = try #require(try await audited.checkpoint(of: 100))
            func difference(_ witnessed: SignedCheckpoint) throws -> AuditDifference? {
                try ExportAudit(keys: [try audited.signer.verifier], witnessed: witnessed).run(path).difference
            }
            #expect(try difference(early) == nil)
            #expect(try difference(try #require(try await audited.checkpoint(of: 300))) == nil)
            #expect(try Self.verify(path, audited).difference == nil)
            let forged = try SignedCheckpoint(size: 100, root: .sha256([]), by: try audited.signer)
            #expect(try difference(forged)?.what == "the file's checkpoint of 300 does not go on from the one of 100 that it is held against")
            let foreign = try SignedCheckpoint(size: 100, root: early.checkpoint.root, by: NoteSigner(name: "example.org/log"))
            #expect(try difference(foreign)?.what.contains("is not signed by") == true)
        }
    }

    @Test func `that was not made for the auditor's checkpoint is not called another log's`() async throws {
        try await Self.open(early: 100) { audited, path in
            let early = try #require(try await audited.checkpoint(of: 100))
            let later = try SignedCheckpoint(size: 301, root: .sha256([]), by: try audited.signer)
            for (own, words) in [(early, "--against"), (later, "is newer")] {
                let error = #expect(throws: ExportAudit.Incomparable.self) {
                    try ExportAudit(keys: [try audited.signer.verifier], witnessed: own).run(path)
                }
                #expect(error?.description.contains(words) == true)
            }
            // Every log goes on from one without events, which has one root only.
            for (root, fits) in [(MerkleHash.ofNothing, true), (.sha256([1]), false)] {
                let nothing = try SignedCheckpoint(size: 0, root: root, by: try audited.signer)
                #expect((try ExportAudit(keys: [try audited.signer.verifier], witnessed: nothing).run(path).difference == nil) == fits)
            }
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

    /// A log of 300 events, and an export of every `step`th.
    /// - Parameters:
    ///   - early: how many there are at an earlier checkpoint.
    ///   - against: whether the export is made for that one, too.
    private static func open(
        every step: Int64 = 1, early: Int = 0, against: Bool = false, _ body: @Sendable (AuditedLog, String) async throws -> Void
    ) async throws {
        try await AuditedLog.open { audited in
            var earlier: SignedCheckpoint?
            if early > 0 {
                try await audited.append(early)
                earlier = try await audited.catchUp()
            }
            try await audited.append(300 - early)
            let checkpoint = try await audited.catchUp()
            let path = audited.folder + "/export.ndjson"
            let bytes = try await audited.log.withPool(as: "annals_projector") { pool in
                var lines = ProvenLines(MerkleLog(pool), against: checkpoint, since: against ? earlier?.checkpoint : nil)
                var bytes: [UInt8] = []
                let parts = step == 1 ? [1...300] : stride(from: step, through: 300, by: Int(step)).map { $0...$0 }
                for part in parts { try await AuditTrail(pool).pages(at: part) { bytes += try await lines.encode($0) } }
                return bytes + lines.finish()
            }
            try Data(bytes).write(to: URL(fileURLWithPath: path))
            try await body(audited, path)
        }
    }
}

extension AuditedLog {
    fileprivate func checkpoint(of size: Int64) async throws -> SignedCheckpoint? {
        try await merkle { try await $0.checkpoints(size...size) }.first.flatMap { SignedCheckpoint($0.note) }
    }
}
