import EventSourcing
import FoundationEssentials
import HTTPContract
import Postgres
import Processes

/// The wish of a signed-in user to be closed and erased: checked, recorded, and its first step done, before it is answered.
struct ClosureRequests: Sendable {
    let credentials: Credentials
    let passwords: PasswordHasher
    let closures: Closures
    let services: ClosureCommands
    let steps: ClosureSteps
    let runner: ClosureRunner

    /// Begins the closure, or finds the one that was begun: an account is closed once, however often that is asked. Throws a problem; after 503 the closure may have begun.
    func begin(for user: SignedInUser, password: String, expecting version: Int?, context: CallContext) async throws -> (Closure, isNew: Bool) {
        if let begun = try await closures.current(of: user.id) { return (begun, false) }
        try await confirm(password, of: user.id)
        let lease = UUID.v7()
        let id = UUID.v7(at: closures.now())
        guard let closure = try await closures.begin(id, of: user.id, expecting: version, correlation: context.requestID, lease: lease) else {
            guard let begun = try await closures.current(of: user.id) else { throw Problem.unavailable() }
            return (begun, false)
        }
        return (try await release(closure, lease: lease), true)
    }

    private func confirm(_ password: String, of user: UUID) async throws {
        guard let known = try await credentials.passwordHash(of: user) else { throw Self.notActive }
        guard try await passwords.verify(password, against: known) else { throw Problem.forbidden("The password is wrong.") }
    }

    /// The first step, which alone can be refused: so its refusal is the answer.
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
        let begun = try await steps.record(.releaseClaim, of: closure, lease, position: position)
        try await closures.release(begun, until: closures.now(), hasFailed: false, lease: lease)
        runner.wake()
        return begun
    }

    private static var notActive: Problem { .unauthenticated("This account is not active.") }
}

extension Credentials {
    /// The password of an active account; nil when it has none, or is not active.
    func passwordHash(of user: UUID) async throws -> PasswordHash? {
        try await identity.query(.passwordHashOfUser, [.uuid(user)]).first.map { PasswordHash(try $0.get(0)) }
    }
}

extension Statement {
    fileprivate static let passwordHashOfUser = Statement(
        "password_hash_of_user",
        """
        SELECT credentials.password_hash FROM identity.credentials AS credentials JOIN identity.accounts AS account USING (user_id)
        WHERE credentials.user_id = $1 AND credentials.state = 'active' AND account.status = 'active'
        """)
}
