package import EventSourcing
package import FoundationEssentials
package import Postgres
import Synchronization

/// The right to work as a subscriber of the log, and the checkpoint that was found with it.
package final class SubscriberLease: Sendable {
    package let name: String
    /// Goes up with every change of hands; each write names it.
    package let token: Int64
    /// Whether the subscriber had begun before: its checkpoint then says where it goes on, at position 0 too.
    package let hasBegun: Bool
    private let place: Mutex<(position: Int64, event: UUID?)>

    package init(name: String, token: Int64, position: Int64, event: UUID?, hasBegun: Bool = true) {
        self.name = name
        self.token = token
        self.hasBegun = hasBegun
        place = Mutex((position, event))
    }

    /// The last position that is done with, and the id of the event there.
    package var checkpoint: (position: Int64, event: UUID?) { place.withLock { $0 } }

    /// The first query of a transaction that writes under the lease. It fails with AN010 when somebody else has it.
    package var hold: Query { Query(.holdLease, [.text(name), .int8(token)]) }

    /// The query that notes that the subscriber begins at position 0.
    package var begin: Query { Query(.beginSubscriber, [.text(name), .int8(token)]) }

    /// The query that moves the checkpoint, in place of `hold`. Call `moved(to:)` once it is committed.
    package func advance(to event: RecordedEvent) -> Query {
        Query(.advanceSubscriber, [.text(name), .int8(token), .int8(checkpoint.position), .int8(event.position), .uuid(event.id)])
    }

    /// Notes that the checkpoint was moved.
    package func moved(to event: RecordedEvent) { place.withLock { $0 = (event.position, event.id) } }
}

extension Statement {
    fileprivate static let holdLease = Statement("hold_relay_lease", "SELECT relay.hold_lease($1, $2)")
    fileprivate static let beginSubscriber = Statement("begin_subscriber", "SELECT relay.note_beginning($1, $2)")
    fileprivate static let advanceSubscriber = Statement("advance_subscriber", "SELECT relay.advance($1, $2, $3, $4, $5)")
}
