import EventSourcing

/// The rules of a post's views. They don't check that the post can be viewed, the caller does: views are counted apart, so that reading never waits
/// for writing.
package enum ViewRules: StreamRules {
    package typealias Command = ViewCommand
    package typealias Event = ViewEvent
    package typealias State = ViewState
    package typealias Refusal = ViewRefusal

    package static let category = "views"

    package static var initialState: ViewState { .unseen }

    package static func decide(_ command: ViewCommand, in state: ViewState) throws(ViewRefusal) -> [ViewEvent] {
        switch command {
        case .record(let count):
            guard 1...maximumCount ~= count else { throw .countOutOfRange }
            return [.viewed(count: count)]
        }
    }

    package static func evolve(_ state: inout ViewState, with event: ViewEvent) {
        switch event {
        case .viewed(let count): state = .seen(total: sum(state.total, count))
        }
    }

    /// Saturating, because a fold has nobody to complain to.
    static func sum(_ total: Int64, _ count: Int64) -> Int64 {
        let (sum, overflow) = total.addingReportingOverflow(count)
        return overflow ? .max : sum
    }

    /// More than the views of a moment can be.
    package static let maximumCount: Int64 = 1_000_000_000
}

/// The commands on a post's views.
package enum ViewCommand: Sendable, Hashable {
    case record(count: Int64)
}

/// How often a post was viewed.
package enum ViewState: Sendable, Hashable {
    case unseen
    case seen(total: Int64)

    package var total: Int64 {
        switch self {
        case .unseen: 0
        case .seen(let total): total
        }
    }
}

/// Why the rules refuse to count views.
package enum ViewRefusal: Error, Hashable {
    /// Not between 1 and `ViewRules.maximumCount`.
    case countOutOfRange
}
