package import FoundationEssentials

/// The rules of one kind of stream. Pure and total: no clock, no randomness, no I/O. After Jérémie Chassaing's decider.
package protocol Decider: Sendable {
    associatedtype Command: Sendable
    associatedtype Event: Sendable & Equatable
    /// An enum whose cases hold only what is true then.
    associatedtype State: Sendable
    associatedtype Refusal: Error & Equatable

    /// The category of its streams: `post` in `post-0198…`.
    static var category: String { get }

    static var initialState: State { get }

    /// What happens. An empty answer means that the command changes nothing.
    static func decide(_ command: Command, in state: State) throws(Refusal) -> [Event]

    static func evolve(_ state: inout State, with event: Event)

    /// The unique values that these events, decided in this state, take or release for their stream.
    static func claims(for events: [Event], in state: State, on stream: StreamName) -> [ClaimChange]

    /// The person whose key seals these events' personal fields; nil where they have none.
    static func subject(of events: [Event], in state: State, on stream: StreamName) -> UUID?

    /// About how many bytes a state takes in memory: what bounds a cache of states. A state that holds text of its own adds it to the default.
    static func footprint(of state: State) -> Int

    static func encode(_ event: Event) -> NewEvent

    static func decode(_ event: RecordedEvent) throws(EventDecodingError) -> Event
}

extension Decider {
    /// A state's own size, for states without text.
    package static func footprint(of state: State) -> Int { MemoryLayout<State>.size }

    /// The state after these events.
    package static func fold(_ events: some Sequence<Event>, from state: State = initialState) -> State {
        var state = state
        for event in events { evolve(&state, with: event) }
        return state
    }
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
