import Synchronization

/// Ended spans that wait for their export. Bounded: whoever ends a span never waits, and a span that finds it full is dropped and counted.
package final class SpanQueue: Sendable {
    private struct State {
        var waiting: [FinishedSpan] = []
        var statistics = TraceStatistics()
    }

    private let capacity: Int
    private let state = Mutex(State())

    package init(capacity: Int = 4096) { self.capacity = capacity }

    /// The fate of the spans so far.
    package var statistics: TraceStatistics { state.withLock { $0.statistics } }

    func offer(_ span: FinishedSpan) {
        state.withLock { state in
            guard state.waiting.count < capacity else {
                state.statistics.dropped += 1
                return
            }
            state.waiting.append(span)
        }
    }

    /// Takes the oldest, so many at most.
    func take(_ count: Int) -> [FinishedSpan] {
        state.withLock { state in
            let taken = Array(state.waiting.prefix(count))
            state.waiting.removeFirst(taken.count)
            return taken
        }
    }

    /// Puts back those that were taken last and not delivered. They are the oldest, and were counted within the capacity before.
    func giveBack(_ spans: [FinishedSpan]) { state.withLock { $0.waiting.insert(contentsOf: spans, at: 0) } }

    func noteExported(_ count: Int) { state.withLock { $0.statistics.exported += count } }

    /// Spans that were taken and could not be exported.
    func noteDropped(_ count: Int) { state.withLock { $0.statistics.dropped += count } }
}

/// Counts of spans.
package struct TraceStatistics: Sendable, Equatable {
    /// Taken by the collector.
    package internal(set) var exported = 0
    /// Lost: the queue was full, or the collector refused them.
    package internal(set) var dropped = 0
}
