package import FoundationEssentials

/// The rules of one kind of entity, after Jérémie Chassaing's decider: an initial state, what a command does in a state, and what an event makes of a
/// state. Pure and total: no clock, no randomness, no I/O.
package protocol Decider: Sendable {
    associatedtype Command: Sendable
    associatedtype Event: Sendable & Equatable
    /// An enum whose cases hold only what is true in them.
    associatedtype State: Sendable
    associatedtype Refusal: Error & Equatable

    static var initialState: State { get }

    /// The events that a command leads to. None means that it changes nothing.
    static func decide(_ command: Command, in state: State) throws(Refusal) -> [Event]

    static func evolve(_ state: inout State, with event: Event)
}

extension Decider {
    /// The state after these events.
    package static func fold(_ events: some Sequence<Event>, from state: State = initialState) -> State {
        var state = state
        for event in events { evolve(&state, with: event) }
        return state
    }
}

/// A decider whose events are kept in streams: how the events are stored, and what an append of them takes along.
package protocol StreamRules: Decider {
    /// The category of its streams: `post` in `post-0198…`.
    static var category: String { get }

    /// The stored form of every event.
    static var schemas: [EventSchema] { get }

    static func encode(_ event: Event) -> NewEvent

    /// Reads an event in its type's newest form.
    static func decode(_ event: RecordedEvent) throws(EventDecodingError) -> Event

    /// The unique values that these events, decided in this state, take or release for their stream. None by default.
    static func claims(for events: [Event], in state: State, on stream: StreamName) -> [ClaimChange]

    /// The person whose key seals the personal fields of these events. Nobody by default.
    static func subject(of events: [Event], in state: State, on stream: StreamName) -> UUID?

    /// The events that a stream is folded from when it is long: their fold is that of the whole stream. Nil, the default, where every event counts.
    static var loadedEvents: DecisiveEvents? { get }

    /// About how many bytes a state takes in memory; bounds a cache of states. By default the size of the type: a state that holds text adds the
    /// text's bytes.
    static func footprint(of state: State) -> Int
}

extension StreamRules {
    package static func claims(for events: [Event], in state: State, on stream: StreamName) -> [ClaimChange] { [] }

    package static func subject(of events: [Event], in state: State, on stream: StreamName) -> UUID? { nil }

    package static var loadedEvents: DecisiveEvents? { nil }

    package static func footprint(of state: State) -> Int { MemoryLayout<State>.size }
}

/// A stored event that this program can't read: its type or version is unknown, or a field is missing. A reader stops here, loudly.
package struct EventDecodingError: Error, Equatable {
    package let position: Int64
    package let reason: String

    package init(_ event: RecordedEvent, reason: String) {
        position = event.position
        self.reason = "\(event.type) version \(event.schemaVersion): \(reason)"
    }
}
