import CommandService
import EventSourcing
import Foundation
import HTTPContract
import HTTPTypes
import Hummingbird
import JSON
import NIOCore
import Synchronization
import TestSupport

/// One event of Server-Sent Events, as its reader sees it.
struct SentEvent: Sendable {
    let id: Int64?
    let name: String
    let data: JSONValue

    /// The events of a text; a last one that has not ended is left out.
    static func all(in text: String) throws -> [SentEvent] {
        try text.components(separatedBy: "\n\n").dropLast().compactMap { block in
            var fields: [Substring: String] = [:]
            for line in block.split(separator: "\n") {
                let parts = line.split(separator: ": ", maxSplits: 1)
                fields[parts[0]] = String(parts[1])
            }
            guard let name = fields["event"], let data = fields["data"] else { return nil }
            return SentEvent(id: fields["id"].flatMap { Int64($0) }, name: name, data: try JSONValue.parse(data.utf8))
        }
    }
}

extension Newsroom {
    /// Runs the service's feed for as long as the body takes.
    func feeding(_ body: () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await commands.feed.run() }
            defer { group.cancelAll() }
            try await body()
        }
    }

    /// Watches until what was sent is enough, then hangs up.
    func watch(
        _ path: String, by person: Person, headers: HTTPFields = [:], onText: @escaping @Sendable (String) throws -> Bool
    ) async throws {
        var headers = headers
        headers[.authorization] = "Bearer \(person.token)"
        let head = HTTPRequest(method: .get, scheme: "http", authority: "test", path: path, headerFields: headers)
        let request = Request(head: head, body: RequestBody(buffer: ByteBuffer()))
        let response = try await service.respond(to: request, context: CallContext(logger: TestCluster.logger, requestID: "", traceparent: ""))
        guard response.status == .ok else { throw NotWatching(status: response.status.code) }
        do {
            try await response.body.write(HangingUp(onText: onText))
        } catch is HungUp {}
    }

    /// The events up to a position, heartbeats left out.
    func watched(_ path: String, by person: Person, headers: HTTPFields = [:], to position: Int64) async throws -> [SentEvent] {
        let text = Mutex("")
        try await watch(path, by: person, headers: headers) { part in
            let all = text.withLock { text in
                text += part
                return text
            }
            return try SentEvent.all(in: all).contains { ($0.id ?? 0) >= position }
        }
        return try SentEvent.all(in: text.withLock { $0 }).filter { $0.name != "heartbeat" }
    }
}

struct NotWatching: Error {
    let status: Int
}

private struct HungUp: Error {}

private struct HangingUp: ResponseBodyWriter {
    let onText: @Sendable (String) throws -> Bool

    mutating func write(_ buffer: ByteBuffer) async throws {
        if try onText(String(buffer: buffer)) { throw HungUp() }
    }

    consuming func finish(_ trailingHeaders: HTTPFields?) async throws {}
}
