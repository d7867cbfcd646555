import EventSourcing
import HTTPContract
import Synchronization

/// A log that a test writes, as a feed reads it; it counts what it is asked.
final class PlayedSource: FeedSource {
    private struct State {
        var head: Int64 = 0
        var withdrawn = false
        var follows = 0
        var renderings = 0
        var isRewritten = false
        /// Positions that are rendered as taken back.
        var hidden: Set<Int64> = []
    }

    private let state = Mutex(State())
    private let grown = Watermark()

    init(head: Int64 = 0) { append(Int(head)) }

    /// How often it was subscribed to.
    var follows: Int { state.withLock { $0.follows } }
    /// How many pages it has made.
    var renderings: Int { state.withLock { $0.renderings } }
    var last: Int64 { state.withLock { $0.head } }

    func append(_ count: Int = 1) {
        grown.advance(
            to: state.withLock { state in
                state.head += Int64(count)
                return state.head
            })
    }

    /// An event takes the words of an earlier one back.
    func withdraw(_ position: Int64) {
        state.withLock { _ = $0.hidden.insert(position) }
        append()
    }

    /// The log becomes another, at its next look.
    func rewrite() {
        state.withLock { $0.isRewritten = true }
        append()
    }

    func head() async throws -> Int64 { last }

    func page(after position: Int64) async throws -> FeedPage {
        state.withLock { state in
            state.renderings += 1
            var page = FeedPage(after: position)
            let end = min(state.head, position + Int64(LiveFeed.replaySize))
            for position in position..<end where !state.hidden.contains(position + 1) {
                page.add(position % 2 == 0 ? "odd" : "even", at: position + 1, json: Array("{}".utf8))
            }
            page.close(through: end)
            page.withdraws = state.hidden.contains { $0 <= end } && end == state.head
            return page
        }
    }

    func follow(after position: Int64, _ publish: @Sendable (FeedPage) -> Void) async throws {
        state.withLock { $0.follows += 1 }
        var position = position
        while true {
            try await grown.wait(for: position + 1)
            if state.withLock({ $0.isRewritten.take() }) { throw EventStoreError.rewritten(position: position) }
            let page = try await page(after: position)
            publish(page)
            position = page.through
        }
    }
}

extension Bool {
    /// Its value so far; false from now on.
    fileprivate mutating func take() -> Bool {
        defer { self = false }
        return self
    }
}
