/// The rules of one kind of entity, after Jérémie Chassaing's decider: an initial state, what a command does in a state, and what an event makes of
/// a state.
/// Pure and total: no clock, no randomness, no I/O.
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
