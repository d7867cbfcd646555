import EventLog
import EventLogTesting
import EventSourcing
import Foundation
import JSON
import TestSupport
import Testing
import Vault

@testable import Audit

@Suite(.timeLimit(.minutes(10))) struct `The official CloudEvents SDK for Python` {
    @Test(arguments: [EventTexts.Form.cloudEventLines, .cloudEventBatch])
    func `reads an export as what was written`(form: EventTexts.Form) async throws {
        try await WrittenLog.open { written in
            try await written.forget(written.bob)
            let text = try await written.export(written.opened(form)).text
            let events = try await written.log.store.read(after: 0, limit: 100)
            let read = try await Self.read(text, form)
            #expect(read.count == 5)
            for (seen, event) in zip(read, events) {
                #expect(seen["specversion"]?.text == "1.0" && seen["contenttype"]?.text == "application/json")
                #expect(seen["id"]?.text == event.id.lowercased && seen["source"]?.text == "urn:annals:log")
                #expect(seen["type"]?.text == "annals.\(event.type)" && seen["subject"]?.text == event.stream.description)
                #expect(seen["milliseconds"]?.int == event.recordedAt.milliseconds)
                #expect(seen["data"] == .object(event.data))
                let extensions = try #require(seen["extensions"])
                #expect(extensions["sequence"]?.text.flatMap { Int64($0) } == event.position && extensions["sequence"]?.text?.count == 19)
                #expect(extensions["streamversion"]?.int == Int64(event.version) && extensions["schemaversion"]?.int == 1)
                #expect(extensions["actor"]?.text == event.metadata.actor?.lowercased)
                #expect(extensions["commandid"]?.text == event.metadata.command.lowercased)
                #expect(extensions["correlationid"]?.text == "a call" && extensions["causationid"]?.text == event.metadata.causation?.lowercased)
                #expect(extensions["traceparent"]?.text == event.metadata.traceparent)
            }
            #expect(read.compactMap { $0["extensions"]?["forgotten"]?.text } == ["username,email", "title,slug,content"])
        }
    }

    private static func read(_ text: String, _ form: EventTexts.Form) async throws -> [JSONValue] {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("events-" + UUID().uuidString).path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try text.write(toFile: path, atomically: false, encoding: .utf8)
        let kind =
            switch form {
            case .lines, .cloudEventLines: "lines"
            case .cloudEventBatch: "batch"
            }
        let folder = repositoryRoot + "/Tests/EventStore/AuditTests/CloudEvents"
        let (end, lines, complaint) = try await ChildProgram.run([repositoryRoot + "/Tests/python", folder, "read.py", kind, path])
        try #require(end == .exit(0), "\(complaint)")
        return try lines.split(separator: "\n").map { try JSONValue.parse(Array($0.utf8)) }
    }
}
