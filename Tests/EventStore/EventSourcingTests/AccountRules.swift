import EventSourcing
import JSON

/// The rules that the command handler is tried with: a bank account.
enum AccountRules: StreamRules {
    enum Command: Sendable {
        case open(owner: String)
        case deposit(Int64)
        case withdraw(Int64)
        case close
    }

    enum Event: Sendable, Equatable {
        case opened(owner: String)
        case moved(Int64)
        case closed
    }

    enum State: Sendable, Equatable {
        case unopened
        case open(balance: Int64)
        case closed
    }

    enum Refusal: Error, Equatable {
        case notOpen
        case alreadyOpened
        case overdrawn(by: Int64)
    }

    static let category = "account"
    static let schemas = [
        EventSchema("Opened", in: category, [.open("owner", .text)]), EventSchema("Moved", in: category, [.open("amount", .integer)]),
        EventSchema("Closed", in: category, []),
    ]
    static let initialState = State.unopened
    static let owner = ClaimKind(rawValue: "owner")

    static func decide(_ command: Command, in state: State) throws(Refusal) -> [Event] {
        switch (command, state) {
        case (.open(let owner), .unopened): return [.opened(owner: owner)]
        case (.open, .open), (.open, .closed): throw .alreadyOpened
        case (.deposit(let amount), .open): return amount == 0 ? [] : [.moved(amount)]
        case (.withdraw(let amount), .open(let balance)):
            guard amount <= balance else { throw .overdrawn(by: amount - balance) }
            return [.moved(-amount)]
        case (.close, .open): return [.closed]
        case (.deposit, .unopened), (.deposit, .closed), (.withdraw, .unopened), (.withdraw, .closed), (.close, .unopened), (.close, .closed):
            throw .notOpen
        }
    }

    static func evolve(_ state: inout State, with event: Event) {
        switch (event, state) {
        case (.opened, _): state = .open(balance: 0)
        case (.moved(let amount), .open(let balance)): state = .open(balance: balance + amount)
        case (.moved, .unopened), (.moved, .closed): break
        case (.closed, _): state = .closed
        }
    }

    static func claims(for events: [Event], in state: State, on stream: StreamName) -> [ClaimChange] {
        events.flatMap { event -> [ClaimChange] in
            switch event {
            case .opened(let owner): [.take(Self.owner, value: owner)]
            case .moved: []
            case .closed: [.release(Self.owner)]
            }
        }
    }

    static func encode(_ event: Event) -> NewEvent {
        switch event {
        case .opened(let owner): NewEvent(type: "Opened", schemaVersion: 1, data: ["owner": .string(owner)])
        case .moved(let amount): NewEvent(type: "Moved", schemaVersion: 1, data: ["amount": .integer(amount)])
        case .closed: NewEvent(type: "Closed", schemaVersion: 1, data: [:])
        }
    }

    static func decode(_ event: RecordedEvent) throws(EventDecodingError) -> Event {
        switch (event.type, event.data["owner"]?.text, event.data["amount"]?.int) {
        case ("Opened", let owner?, _): return .opened(owner: owner)
        case ("Moved", _, let amount?): return .moved(amount)
        case ("Closed", _, _): return .closed
        default: throw EventDecodingError(event, reason: "unknown")
        }
    }
}
