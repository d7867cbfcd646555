import EventLog
import EventLogTesting
import EventSourcing
import FoundationEssentials
import JSON
import Postgres
import TestSupport
import Testing
import Vault

@testable import Audit

@Suite(.timeLimit(.minutes(15))) struct `An event's canonical form` {
    @Test func `has each column of the log, as it is stored`() async throws {
        try await AuditedLog.open { audited in
            let ann = UUID.v7()
            try await audited.log.vault.createKey(for: ann)
            try await audited.append(3, by: ann)
            let lines = try await Self.lines(audited, 1...3)
            #expect(lines.count == 3)
            try await audited.log.storedForm { store in
                for (line, event) in zip(lines, try await store.read(after: 0, limit: 10)) {
                    let json = try JSONValue.parse(line)
                    #expect(
                        json.members?.names == ["data", "id", "metadata", "position", "recordedAt", "schemaVersion", "stream", "type", "version"])
                    #expect(json["position"] == .integer(event.position))
                    #expect(json["id"] == .string(event.id.lowercased))
                    #expect(json["recordedAt"] == .string("\(event.recordedAt)"))
                    #expect(json["schemaVersion"] == .integer(1))
                    #expect(json["stream"] == .string("\(event.stream)"))
                    #expect(json["type"] == .string("Said"))
                    #expect(json["version"] == .integer(Int64(event.version)))
                    #expect(json["data"]?["$sealed"]?["subject"] == .string(ann.lowercased))
                    #expect(json["metadata"]?["actor"] == .string(ann.lowercased))
                }
            }
        }
    }

    @Test func `is read across more pages than one`() async throws {
        try await AuditedLog.open { audited in
            try await audited.log.run(
                """
                INSERT INTO log.events
                SELECT p, 'note-' || gen_random_uuid(), 1, gen_random_uuid(), 'Said', 1, jsonb_build_object('number', p), '{}', date_trunc('second', now())
                FROM generate_series(1, 10005) p
                """)
            let lines = try await Self.lines(audited, 1...10_005)
            #expect(lines.count == 10_005)
            for (number, line) in lines.enumerated() { #expect(line.hasPrefix(#"{"data":{"number":\#(number + 1)},"id""#)) }
            #expect(try await Self.lines(audited, 9_999...10_002).count == 4)
        }
    }

    /// Only a superuser could store these.
    @Test func `tells moments apart that differ by a microsecond`() throws {
        let texts = try [0, 1, 999_999, -1, 252_455_616_000_000_000, .min, .max].map { try Self.text(recordedAt: $0) }
        #expect(texts[0].contains(#""recordedAt":"2000-01-01T00:00:00.000Z""#))
        #expect(texts[1].contains(#""recordedAt":"2000-01-01T00:00:00.000001Z""#))
        #expect(texts[3].contains(#""recordedAt":"1999-12-31T23:59:59.999999Z""#))
        #expect(Set(texts).count == texts.count)
    }

    @Test func `is refused for a number that would make it another event's`() {
        #expect(throws: CanonicalFormError.inexactNumber(position: 7)) { _ = try Self.text(data: #"{"n": 9007199254740993}"#) }
        #expect(throws: CanonicalFormError.malformedEvent(position: 7, column: "data")) { _ = try Self.text(data: "") }
    }

    private static func text(recordedAt: Int64 = 0, data: String = "{}") throws -> String {
        var json = CanonicalJSON()
        let (stream, type, metadata) = (Array("note-1".utf8), Array("Said".utf8), Array("{}".utf8))
        try Array(data.utf8).withUnsafeBytes { data in
            try stream.withUnsafeBytes { stream in
                try type.withUnsafeBytes { type in
                    try metadata.withUnsafeBytes { metadata in
                        try json.append(
                            StoredEventRow(
                                position: 7, stream: stream, version: 1, id: UUID(high: 1, low: 2), type: type, schemaVersion: 1, data: data,
                                metadata: metadata, recordedAt: recordedAt))
                    }
                }
            }
        }
        return String(decoding: json.bytes, as: UTF8.self)
    }

    private static func lines(_ audited: AuditedLog, _ positions: ClosedRange<Int64>) async throws -> [String] {
        try await audited.log.withPool(as: "annals_projector") { pool in
            var lines: [String] = []
            var json = CanonicalJSON()
            try await AuditTrail(pool).pages(at: positions) { page in
                try page.forEach { event in
                    json.removeAll()
                    try json.append(event)
                    lines.append(String(decoding: json.bytes, as: UTF8.self))
                }
            }
            return lines
        }
    }
}
