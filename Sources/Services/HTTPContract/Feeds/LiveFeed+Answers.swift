package import HTTPTypes
package import Hummingbird
package import NIOCore
import ServiceLifecycle

extension LiveFeed {
    /// Where a watcher begins that has everything up to a position; nil for one that has nothing and wants what comes.
    ///
    /// Throws 409 `POSITION_AHEAD` for a position that the log does not have.
    /// - Parameter longestReplay: one that is further back than this is told to begin anew.
    package func start(after position: Int64?, longestReplay: Int64? = nil) async throws -> FeedStart {
        guard let position else { return .live(after: try await head(reaching: 0)) }
        let head = try await head(reaching: position)
        guard position <= head else { throw Problem.positionAhead(of: head) }
        if let longestReplay, head - position > longestReplay { return .reset(to: head) }
        return .resume(after: position, head: head)
    }

    /// The answer to a watcher: Server-Sent Events until it goes, or is ended.
    /// - Parameters:
    ///   - client: ends the watcher when it is closed.
    ///   - isAdmitted: asked at each heartbeat whether the reader may still have this.
    package func response(
        from start: FeedStart, _ filter: FeedFilter, headers: HTTPFields = [:], client: (any Channel)?,
        isAdmitted: (@Sendable () async -> Bool)? = nil
    ) throws(Problem) -> Response {
        guard watcherCount < limits.watchers else { throw .unavailable("Too many watch already.", retryAfter: 5) }
        var headers = headers
        headers[.contentType] = "text/event-stream"
        headers[.cacheControl] = "no-store"
        // nginx would hold events back otherwise.
        headers[.accelBuffering] = "no"
        let body = ResponseBody { writer in
            let watcher = FeedWatcher()
            client?.closeFuture.whenComplete { _ in watcher.end(.gone) }
            self.join(watcher)
            defer { self.leave(watcher) }
            var reader = FeedReader(self, watcher, from: start, filter, isAdmitted: isAdmitted)
            try await withGracefulShutdownHandler {
                while let part = try await reader.next() {
                    let begun = ContinuousClock.now
                    try await writer.write(part)
                    reader.lastWrite = ContinuousClock.now - begun
                }
            } onGracefulShutdown: {
                watcher.end(.shutdown)
            }
            try await writer.finish(nil)
        }
        return Response(status: .ok, headers: headers, body: body)
    }
}

extension FeedStart {
    /// How many events are replayed.
    package var replayed: Int64 {
        switch self {
        case .live, .reset: 0
        case .resume(let position, let head): head - position
        }
    }
}

extension QueryParameters {
    /// Where a reader of a feed has come: `Last-Event-ID`, with which browsers connect again, else `after`. Nil for neither. Another form is 400 in
    /// the header, and 422 in the query.
    package mutating func feedPosition(_ request: Request) throws(Problem) -> Int64? {
        let after = integer("after", in: 0...Int.max).map { Int64($0) }
        guard let header = try request.singleHeader(.lastEventID), !header.isEmpty else { return after }
        guard let position = header.number else { throw .malformed("Last-Event-ID is not a position.") }
        return position
    }

    /// Names that may be absent, several with commas between them. Another one than these is 422.
    package mutating func names(_ name: String, among known: Set<String>, such example: String) -> Set<String>? {
        guard let text = self.name(name) else { return nil }
        let names = Set(text.split(separator: ",", omittingEmptySubsequences: false).map(String.init))
        guard names.isSubset(of: known) else {
            refuse(name, "must be \(example), or several with commas between them")
            return nil
        }
        return names
    }
}
