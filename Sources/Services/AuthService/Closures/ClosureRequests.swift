import AccessTokens
import EventSourcing
import FoundationEssentials
import HTTPContract
import Publishing

/// Handles a signed-in user's request to be closed and erased. It is checked, recorded, and its first step performed before it is answered.
struct ClosureRequests: Sendable {
    let confirmation: PasswordConfirmation
    let closures: Closures
    let services: ClosureCommands
    let steps: ClosureSteps
    let runner: ClosureRunner
    let hasher: any KeyedHasher

    /// Begins the closure, or finds the one that was begun before. Throws a problem; after a 503 the closure may have begun.
    func begin(for user: SignedInUser, password: String, expecting version: Int?, context: CallContext) async throws -> (Closure, isNew: Bool) {
        if let begun = try await closures.current(of: user.id) { return (begun, false) }
        _ = try await confirmation.confirm(password, of: user.id, field: "password", context: context)
        let lease = UUID.v7()
        let id = UUID.v7(at: closures.now())
        let correlation = hasher.kept(requestID: context.requestID)
        guard let closure = try await closures.begin(id, of: user.id, expecting: version, correlation: correlation, lease: lease) else {
            guard let begun = try await closures.current(of: user.id) else { throw Problem.unavailable() }
            return (begun, false)
        }
        return (try await release(closure, lease: lease), true)
    }

    /// Performs the first step. It is the only one that can be refused, so its refusal is the answer.
    private func release(_ closure: Closure, lease: UUID) async throws -> Closure {
        let position: Int64
        do {
            let claim = try await services.releaseClaim(closure)
            guard claim.wasHeld else { throw ClosureCommands.Refused(problem: Self.notActive) }
            position = claim.position
        } catch let refused as ClosureCommands.Refused {
            try await closures.refuse(closure, lease: lease)
            throw refused.problem
        }
        do {
            let begun = try await steps.record(.releaseClaim, of: closure, lease, position: position)
            try await closures.release(begun, until: closures.now(), hasFailed: false, lease: lease)
            runner.wake()
            return begun
        } catch is Closures.LeaseLost {
            // The step took longer than the lease, and a runner continues the closure.
            guard let current = try await closures.current(of: closure.user) else { throw Problem.unavailable() }
            return current
        }
    }

    private static var notActive: Problem { .unauthenticated("This account is not active.") }
}
