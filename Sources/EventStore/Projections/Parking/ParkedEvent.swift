package import EventSourcing
import Postgres

/// An event that the live tables of a read model lack.
package struct ParkedEvent: Sendable, Hashable {
    package enum State: String, Sendable {
        /// It could not be applied.
        case failed
        /// It comes after one of its stream, or of another of the same id, that failed.
        case waiting
        /// It is left out for good, by an operator or because the person behind its stream is gone.
        case discarded
    }

    package let model: String
    package let position: Int64
    package let stream: StreamName
    package let type: String
    package let state: State
    /// Of the failure; nil when nothing was tried, or when the event's data is not what its type says.
    package let sqlState: String?
    /// The constraint that was violated.
    package let constraint: String?
    package let since: Timestamp

}

extension ParkedEvent {
    init(_ row: Row) throws {
        let stream = try row.get(2, as: String.self)
        guard let name = StreamName(stream), let state = State(rawValue: try row.get(4)) else {
            throw EventStoreError.broken(reason: "a parked event is of no stream: \(stream)")
        }
        self.init(
            model: try row.get(0), position: try row.get(1), stream: name, type: try row.get(3), state: state, sqlState: try row.get(5),
            constraint: try row.get(6), since: Timestamp(milliseconds: try row.milliseconds(7)))
    }
}
