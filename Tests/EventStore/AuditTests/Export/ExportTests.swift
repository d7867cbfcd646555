import Crypto
import EventLog
import EventLogTesting
import EventSourcing
import FoundationEssentials
import JSON
import Postgres
import Publishing
import Testing
import Vault

@testable import Audit

@Suite(.timeLimit(.minutes(15))) struct `An export` {
    private static func lines(_ text: String) throws -> [JSONValue] { try text.split(separator: "\n").map { try JSONValue.parse(Array($0.utf8)) } }

    @Test func `opened shows each event as its readers get it`() async throws {
        try await WrittenLog.open { written in
            let (text, _) = try await written.export(written.opened(.lines))
            let events = try await written.log.store.read(after: 0, limit: 100)
            let lines = try Self.lines(text)
            #expect(lines.count == 5)
            for (line, event) in zip(lines, events) {
                #expect(line["data"] == .object(event.data))
                #expect(line["metadata"] == .object(event.metadata.json))
                #expect(line["position"]?.int == event.position && line["version"]?.int == Int64(event.version))
                #expect(line["stream"]?.text == event.stream.description && line["id"]?.text == event.id.lowercased)
                #expect(line["recordedAt"]?.text == event.recordedAt.description && line["type"]?.text == event.type)
                #expect(line["schemaVersion"]?.int == 1 && line["forgotten"] == nil)
            }
            for word in WrittenLog.words.prefix(3) { #expect(text.contains(word)) }
        }
    }

    @Test func `names as forgotten what was sealed with a destroyed key, and nothing else`() async throws {
        try await WrittenLog.open { written in
            try await written.forget(written.bob)
            for form in [EventTexts.Form.lines, .cloudEventLines] {
                let (text, _) = try await written.export(written.opened(form))
                #expect(text.contains("ann's title") && !text.contains("bob's title"))
                let drafts = try Self.lines(text).filter { $0["type"]?.text?.hasSuffix("PostDrafted") == true }
                #expect(drafts.map { $0["data"]?["title"] } == [.string("ann's title"), .null])
                let names: JSONValue =
                    switch form {
                    case .lines: .array([.string("title"), .string("slug"), .string("content")])
                    case .cloudEventLines, .cloudEventBatch: .string("title,slug,content")
                    }
                #expect(drafts.map { $0["forgotten"] } == [nil, names])
            }
        }
    }

    @Test func `sealed shows nothing personal, in any form`() async throws {
        try await WrittenLog.open { written in
            let texts = [
                try await written.export(SealedLines()).text, try await written.export(written.sealed(.lines)).text,
                try await written.export(written.sealed(.cloudEventLines)).text, try await written.export(written.sealed(.cloudEventBatch)).text,
            ]
            for text in texts {
                for word in WrittenLog.words { #expect(!text.contains(word)) }
                #expect(text.contains(#""$sealed":{"#))
            }
        }
    }

    @Test func `sealed is the same before and after somebody is forgotten`() async throws {
        try await WrittenLog.open { written in
            let before = try await written.export(SealedLines())
            try await written.forget(written.bob)
            let after = try await written.export(SealedLines())
            #expect(before.text == after.text && before.summary == after.summary)
        }
    }

    @Test func `sealed has the canonical JSON of each event on a line`() async throws {
        try await WrittenLog.open { written in
            let (text, _) = try await written.export(SealedLines())
            let lines = text.split(separator: "\n")
            #expect(lines.count == 5 && text.hasSuffix("}\n"))
            for line in lines {
                let json = try JSONValue.parse(Array(line.utf8))
                #expect(json.members?.names == ["data", "id", "metadata", "position", "recordedAt", "schemaVersion", "stream", "type", "version"])
                // Sorted members and no spaces: the canonical form of the line is the line.
                var canonical = CanonicalJSON()
                #expect(try Array(line.utf8).withUnsafeBytes { try canonical.append(json: $0) })
                #expect(canonical.bytes == Array(line.utf8))
            }
        }
    }

    @Test func `says at the end how much it was, and the digest of all of it`() async throws {
        try await WrittenLog.open { written in
            for (filter, events, positions) in [
                (TrailFilter(), 5, 1...5), (TrailFilter(after: 1, until: 4), 3, 2...4), (TrailFilter(types: ["PostPublished"]), 1, 1...5),
            ] as [(TrailFilter, Int64, ClosedRange<Int64>)] {
                let (text, summary) = try await written.export(written.opened(.cloudEventBatch), filter)
                #expect(summary.events == events && summary.positions == positions)
                #expect(summary.bytes == Int64(text.utf8.count))
                #expect(summary.sha256 == Array(SHA256.hash(data: Array(text.utf8))).hexadecimal)
            }
            let nothing = try await written.export(SealedLines(), TrailFilter(after: 5))
            #expect(nothing.text.isEmpty && nothing.summary.events == 0 && nothing.summary.positions == nil)
        }
    }

    @Test func `is the same in one page and in many`() async throws {
        try await WrittenLog.open { written in
            var limits = AuditTrail.Limits()
            limits.events = 1
            #expect(try await written.export(SealedLines()).text == written.export(SealedLines(), limits: limits).text)
            for form in [EventTexts.Form.lines, .cloudEventLines, .cloudEventBatch] {
                let whole = try await written.export(written.opened(form))
                let pages = try await written.export(written.opened(form), limits: limits)
                #expect(whole.text == pages.text && whole.summary == pages.summary)
            }
        }
    }

    @Test func `in a batch is one JSON array, also when it is empty`() async throws {
        try await WrittenLog.open { written in
            for (filter, count) in [(TrailFilter(), 5), (TrailFilter(until: 1), 1), (TrailFilter(after: 9), 0)] {
                let (text, _) = try await written.export(written.opened(.cloudEventBatch), filter)
                guard case .array(let events) = try JSONValue.parse(text) else { throw EventStoreError.broken(reason: text) }
                #expect(events.count == count)
            }
        }
    }

    @Test func `ends with the error of whoever writes it`() async throws {
        try await WrittenLog.open { written in
            var limits = AuditTrail.Limits()
            limits.events = 2
            try await written.log.withPool(as: "annals_projector") { [limits] pool in
                var pieces = 0
                await #expect(throws: ExportOutputError.self) {
                    _ = try await TrailExport(AuditTrail(pool), limits: limits).run(TrailFilter(), as: SealedLines()) { _ in
                        pieces += 1
                        if pieces == 2 { throw ExportOutputError("full") }
                    }
                }
                #expect(pieces == 2)
            }
        }
    }

    @Test func `opened tells of an event of a newer program instead of leaving it out`() async throws {
        try await WrittenLog.open { written in
            try await written.log.run(
                "INSERT INTO log.events SELECT 6, stream, 9, gen_random_uuid(), 'Dreamt', 7, '{}', metadata, recorded_at FROM log.events WHERE position = 5"
            )
            await #expect(throws: UnknownEvent(type: "Dreamt", version: 7)) { _ = try await written.export(written.opened(.lines)) }
            #expect(try await written.export(SealedLines()).summary.events == 6)
        }
    }
}
