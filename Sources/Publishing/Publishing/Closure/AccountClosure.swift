/// The process that closes an account and erases its user, as a pure decider over the steps recorded so far: what is to be done next follows from
/// them alone, so any process may go on where another stopped.
package enum AccountClosure {
    /// The next action; nil when all is done.
    package static func next(in state: ClosureState) -> ClosureAction? {
        switch state {
        case .requested: .releaseClaim
        case .claimReleased: .closeAccount
        case .closed(let position): .endSessions(closedAt: position)
        case .signedOut(let position): .deletePosts(draftedThrough: position)
        case .postsDeleted(let erasures): .scrubReadModels(erasures)
        case .scrubbed: .destroyKey
        case .forgotten: .signReceipt
        case .finished: nil
        }
    }

    /// Takes in a step that is done. Throws for one that is not the next, or lacks its position: such a record is of no process of ours.
    package static func evolve(_ state: inout ClosureState, with done: CompletedStep) throws(ClosureOutOfOrder) {
        switch (state, done.step, done.position) {
        case (.requested, .releaseClaim, _): state = .claimReleased
        case (.claimReleased, .closeAccount, let position?): state = .closed(at: position)
        case (.closed(let position), .endSessions, _): state = .signedOut(closedAt: position)
        // Without a post the closure itself is the last erasure.
        case (.signedOut(let closed), .deletePosts, let last): state = .postsDeleted(erasures: closed...max(closed, last ?? closed))
        case (.postsDeleted, .scrubReadModels, _): state = .scrubbed
        case (.scrubbed, .destroyKey, _): state = .forgotten
        case (.forgotten, .signReceipt, _): state = .finished
        case (_, .releaseClaim, _), (_, .closeAccount, _), (_, .endSessions, _), (_, .deletePosts, _), (_, .scrubReadModels, _), (_, .destroyKey, _),
            (_, .signReceipt, _):
            throw ClosureOutOfOrder(step: done.step)
        }
    }

    /// Where these steps, in the order of their recording, have led.
    package static func fold(_ steps: some Sequence<CompletedStep>) throws(ClosureOutOfOrder) -> ClosureState {
        var state = ClosureState.requested
        for step in steps { try evolve(&state, with: step) }
        return state
    }
}

/// How far a closure has come.
package enum ClosureState: Sendable, Hashable {
    case requested
    case claimReleased
    /// The position of `UserClosed`.
    case closed(at: Int64)
    case signedOut(closedAt: Int64)
    /// From `UserClosed` to the last `PostDeleted`.
    case postsDeleted(erasures: ClosedRange<Int64>)
    case scrubbed
    case forgotten
    case finished
}

/// The action for the next step.
package enum ClosureAction: Sendable, Hashable {
    case releaseClaim
    case closeAccount
    case endSessions(closedAt: Int64)
    /// Posts are looked for up to this position: none can have been drafted behind it.
    case deletePosts(draftedThrough: Int64)
    /// The read models must have applied the log up to the range's end, and must have taken each erasure in it.
    case scrubReadModels(ClosedRange<Int64>)
    case destroyKey
    case signReceipt

    /// The step that is done when this is.
    package var step: ClosureStep {
        switch self {
        case .releaseClaim: .releaseClaim
        case .closeAccount: .closeAccount
        case .endSessions: .endSessions
        case .deletePosts: .deletePosts
        case .scrubReadModels: .scrubReadModels
        case .destroyKey: .destroyKey
        case .signReceipt: .signReceipt
        }
    }
}

/// A step was recorded that does not follow those before it.
package struct ClosureOutOfOrder: Error, Hashable {
    package let step: ClosureStep

    package init(step: ClosureStep) { self.step = step }
}
