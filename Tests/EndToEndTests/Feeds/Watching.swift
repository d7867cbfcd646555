import AsyncHTTPClient
import EventSourcing
import Foundation
import JSON
import NIOCore
import NIOHTTP1

/// One event of a feed, as its reader sees it.
struct FedEvent: Sendable {
    let id: Int64?
    let name: String
    let data: JSONValue

    init?(_ block: Substring) throws {
        var fields: [Substring: String] = [:]
        for line in block.split(separator: "\n") { fields[line.prefix { $0 != ":" }] = String(line.drop { $0 != " " }.dropFirst()) }
        guard let name = fields["event"], let data = fields["data"] else { return nil }
        self.name = name
        self.data = try JSONValue.parse(data.utf8)
        id = fields["id"].flatMap { Int64($0) }
    }
}

/// A feed's events, heartbeats among them, until the server ends it. Connects with the first that is asked for.
struct WatchedFeed: AsyncSequence {
    typealias Element = FedEvent

    let request: HTTPClientRequest

    struct AsyncIterator: AsyncIteratorProtocol {
        let request: HTTPClientRequest
        var body: HTTPClientResponse.Body.AsyncIterator?
        var text = ""

        @concurrent mutating func next() async throws -> FedEvent? {
            if body == nil {
                let response = try await HTTPClient.patient.execute(request, deadline: .now() + .minutes(4))
                guard response.status == .ok else { throw NotFed(status: Int(response.status.code)) }
                body = response.body.makeAsyncIterator()
            }
            while true {
                while let end = text.range(of: "\n\n") {
                    let event = try FedEvent(text[..<end.lowerBound])
                    text.removeSubrange(..<end.upperBound)
                    if let event { return event }
                }
                guard let part = try await body?.next() else { return nil }
                text += String(buffer: part)
            }
        }

        /// The next events up to one with this id, heartbeats left out.
        @concurrent mutating func events(to position: Int64) async throws -> [FedEvent] {
            var events: [FedEvent] = []
            while events.last?.id ?? 0 < position, let event = try await next() { if event.name != "heartbeat" { events.append(event) } }
            return events
        }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(request: request) }
}

extension Client {
    /// Watches a feed.
    func watch(_ path: String, after lastID: Int64? = nil) -> WatchedFeed {
        var request = HTTPClientRequest(url: base + path)
        if let token { request.headers.add(name: "Authorization", value: "Bearer \(token)") }
        if let lastID { request.headers.add(name: "Last-Event-ID", value: "\(lastID)") }
        return WatchedFeed(request: request)
    }

    /// The events of a feed up to one with this id, heartbeats left out.
    func watched(_ path: String, after lastID: Int64? = nil, to position: Int64) async throws -> [FedEvent] {
        var seen: [FedEvent] = []
        for try await event in watch(path, after: lastID) {
            if event.name != "heartbeat" { seen.append(event) }
            if event.id ?? 0 >= position { break }
        }
        return seen
    }
}

struct NotFed: Error {
    let status: Int
}
