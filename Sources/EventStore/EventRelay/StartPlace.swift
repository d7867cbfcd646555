import EventSourcing
import FoundationEssentials
import Logging
import Postgres
import Subscribers
import Synchronization

/// How far the sink has come.
final class SinkPosition: Sendable {
    private let state = Mutex((reached: 0 as Int64, sent: Int64?.none))

    /// All up to here is done with.
    var value: Int64 {
        get { state.withLock(\.reached) }
        set { state.withLock { $0.reached = newValue } }
    }

    /// The last event that the sink has; nil while none is known of.
    var sent: Int64? {
        get { state.withLock(\.sent) }
        set { state.withLock { $0.sent = newValue } }
    }
}

/// Where to go on: after a position, the event there as far as that is known, and the place that the sink ends with.
struct StartPlace {
    var position: Int64
    var event: UUID?
    var last: OutgoingEvent.Place?
}

extension EventForwarder {
    func startPlace(_ lease: SubscriberLease, head: Int64) async throws -> StartPlace {
        let known = lease.checkpoint
        switch try await sink.end() {
        case .position(let position, let id):
            guard position <= head else {
                throw SubscriberStop(
                    "\(sink.name) has events up to position \(position), and the log ends at \(head): it is another log, or was restored")
            }
            let event = position > 0 ? try await log.read(after: position - 1, limit: 1).first : nil
            // A log that was restored grows past the sink's end again, with other events.
            if let id, let event, event.id.lowercased != id {
                throw SubscriberStop("\(sink.name) has another event at position \(position) than the log: it is another log, or was restored")
            }
            if position < known.position { logger.warning("a sink has lost events, and gets them again", metadata: place(position, known.position)) }
            return StartPlace(position: position, event: event?.id, last: event.map(OutgoingEvent.Place.init))
        case .untold where lease.hasBegun: return StartPlace(position: known.position, event: known.event)
        case .empty where lease.hasBegun:
            // Nothing that was never sent is skipped, whatever the setting says.
            let begin = start == .beginning ? StartPlace(position: 0) : StartPlace(position: known.position, event: known.event)
            if known.position > 0 { logger.warning("a sink is empty; it begins again", metadata: place(begin.position, known.position)) }
            return begin
        case .untold, .empty: return StartPlace(position: try await begin(lease, head))
        }
    }

    /// Settles where a sink begins that has never had anything. Else it would begin later if it was stopped before the first event.
    private func begin(_ lease: SubscriberLease, _ head: Int64) async throws -> Int64 {
        if start == .end, head > 0, let event = try await log.read(after: head - 1, limit: 1).first {
            try await advance(lease, to: event)
            return head
        }
        try await pool.query(lease.begin.statement, lease.begin.values)
        return 0
    }

    private func place(_ position: Int64, _ known: Int64) -> Logger.Metadata {
        ["sink": "\(sink.name)", "after": "\(position)", "known": "\(known)"]
    }
}
