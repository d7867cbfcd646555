import EventSourcing
import JSON
package import NIOCore

/// Makes the parts that one watcher is sent. It holds how far the watcher has come, and nothing of what is to be sent.
struct FeedReader {
    private let feed: LiveFeed
    private let watcher: FeedWatcher
    private let filter: FeedFilter
    private let isAdmitted: (@Sendable () async -> Bool)?
    /// Everything up to here was given out.
    private var position: Int64
    private var lastID: Int64?
    private var opening: FeedStart?
    private var seenBeats: Int
    /// The log's last position when the watcher came. Before that it catches up, however long that takes.
    private let goal: Int64
    private var hasCaughtUp: Bool
    private var hasEnded = false
    /// How long the watcher took for the last part.
    var lastWrite = Duration.zero

    init(
        _ feed: LiveFeed, _ watcher: FeedWatcher, from start: FeedStart, _ filter: FeedFilter, isAdmitted: (@Sendable () async -> Bool)? = nil
    ) {
        self.feed = feed
        self.watcher = watcher
        self.filter = filter
        self.isAdmitted = isAdmitted
        position = start.position
        opening = start
        goal = start.position + start.replayed
        hasCaughtUp = start.replayed == 0
        seenBeats = feed.next(after: position).beats
    }

    /// The next part; nil after the last. Throws `CancellationError` when the watcher has gone.
    mutating func next() async throws -> ByteBuffer? {
        if hasEnded { return nil }
        if let opening = opening.take() { return begin(opening) }
        while true {
            if let ending = watcher.ending { return try end(ending) }
            let (next, head, beats) = feed.next(after: position)
            if beats != seenBeats {
                seenBeats = beats
                guard await isAdmitted?() ?? true else { return try end(.signedOut) }
                return told("heartbeat", head: head)
            }
            let page: FeedPage
            switch next {
            case .nothing:
                if position >= goal { hasCaughtUp = true }
                try await watcher.wait()
                continue
            case .page(let found):
                if isTooSlow(head) { return try end(.slowReader) }
                page = found
            case .replay:
                if isTooSlow(head) { return try end(.slowReader) }
                guard let found = try await replayed() else { return try end(.unavailable) }
                page = found
            }
            let bytes = page.bytes(after: position, filter)
            position = page.through
            if let bytes {
                lastID = bytes.last
                return bytes.buffer
            }
        }
    }

    private func isTooSlow(_ head: Int64) -> Bool {
        hasCaughtUp && head - position > feed.limits.backlog && lastWrite >= feed.limits.stall
    }

    private mutating func begin(_ start: FeedStart) -> ByteBuffer {
        var buffer = ByteBuffer(string: ServerSentEvent.retry)
        switch start {
        case .live(let head): buffer.writeImmutableBuffer(told("heartbeat", head: head))
        case .reset(let head): buffer.writeImmutableBuffer(told("reset", head: head))
        case .resume(let after, _): lastID = after
        }
        return buffer
    }

    private mutating func end(_ ending: FeedEnding) throws -> ByteBuffer {
        watcher.end(ending)
        hasEnded = true
        if watcher.ending == .gone { throw CancellationError() }
        return ServerSentEvent.end(watcher.ending ?? ending)
    }

    /// An event about the feed itself. An id that was sent is not sent again: each is seen once.
    private mutating func told(_ name: String, head: Int64) -> ByteBuffer {
        let id = lastID.map { position > $0 } ?? true ? position : nil
        lastID = position
        return .event(name, id: id) {
            $0.name("head")
            $0.integer(head)
        }
    }

    /// A page of the log's past; nil when it can't be had.
    private func replayed() async throws -> FeedPage? {
        var backoff = Backoff(from: .milliseconds(100), to: .seconds(1))
        while true {
            do {
                return try await feed.replay(after: position)
            } catch {
                try Task.checkCancellation()
                if backoff.count == 4 || watcher.ending != nil { return nil }
                try await Task.sleep(for: backoff.next())
            }
        }
    }
}

extension ServerSentEvent {
    /// The last event of a feed.
    package static func end(_ reason: FeedEnding) -> ByteBuffer {
        .event("end", id: nil) {
            $0.name("reason")
            $0.string(reason.rawValue)
        }
    }
}

extension ByteBuffer {
    fileprivate static func event(_ name: String, id: Int64?, _ members: (inout JSONWriter) -> Void) -> ByteBuffer {
        var json = JSONWriter(capacity: 64)
        json.object(members)
        var buffer = ByteBuffer()
        ServerSentEvent(id: id, name: name, json: json.bytes).write(to: &buffer)
        return buffer
    }
}
