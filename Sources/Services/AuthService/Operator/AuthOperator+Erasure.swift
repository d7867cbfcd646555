import EventSourcing
package import FoundationEssentials
import Publishing

extension AuthOperator {
    /// The state of a user's erasure.
    package enum Erasure: Sendable, Equatable {
        /// The names of the steps that are done.
        case running(done: [String])
        /// Nothing was changed: the user is the last admin.
        case refused
        /// It is finished, with the signed receipt.
        case done(receipt: String)
    }

    /// Records that a user is to be closed and erased, for users who can't request it. Any process with an auth service then performs the steps.
    ///
    /// - Returns: the id of the closure, which may have begun before.
    package func erase(_ user: UUID) async throws -> UUID {
        let closures = Closures(identity: identity, now: settings.now)
        let id = UUID.v7(at: settings.now())
        let lease = UUID.v7()
        if let closure = try await closures.begin(id, of: user, expecting: nil, correlation: id.lowercased, lease: lease) {
            // The lease ends at once, since this process performs none of the steps.
            try await closures.release(closure, until: settings.now(), hasFailed: false, lease: lease)
            return closure.id
        }
        guard let begun = try await closures.current(of: user) else { throw Failure.unknownUser }
        return begun.id
    }

    /// The state of the closure with that id.
    package func erasure(_ id: UUID) async throws -> Erasure {
        guard let closure = try await Closures(identity: identity, now: settings.now).find(id) else { throw Failure.unknownUser }
        return switch closure.status {
        case .running: .running(done: closure.steps.map(\.step.rawValue))
        case .refused: .refused
        case .done: .done(receipt: closure.receipt?.token ?? "")
        }
    }
}
