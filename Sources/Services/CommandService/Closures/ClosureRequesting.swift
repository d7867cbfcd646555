package import EventSourcing
package import FoundationEssentials
package import Publishing

extension Administration {
    /// Requests the closure of an account, or finds the one that was requested before.
    ///
    /// One append takes `active` from the account, takes an admin's place among the admins, and records the request, which begins the process. From
    /// then on no command of the user goes through, and nothing refuses the closure. Throws before that what `handle` throws: the last admin is
    /// refused, and so is an account that is not active, unless the operator asks.
    package func requestClosure(
        _ closure: UUID, of user: UUID, by authority: Authority, in context: CommandContext
    ) async throws -> RequestedClosure {
        if let requested = try await requestedClosure(of: user) { return requested }
        var context = context
        // It adds no event to the account, and is appended all the same.
        context.isRepeatable = true
        context.metadata.correlation = context.metadata.correlation ?? closure.lowercased
        context.claims += [.release(.active), .take(.closure, value: closure.lowercased)]
        if authority == .owner { context.claims.append(.requireActive(user)) }
        do {
            _ = try await handle(.beginClosure, on: user, by: authority, in: context) {
                [try await CommandHandler<ClosureRules>(store: store).decision(on: closure, for: RequestedClosure.stream(of: user))]
            }
        } catch is ClosureRequestedBefore {
            // By another request meanwhile.
        } catch is AccountClosing {
            // The same, or a deactivation.
        }
        guard let requested = try await requestedClosure(of: user) else {
            throw CommandFailure.claimMissing(.active, holder: StreamName(UserRules.category, user))
        }
        return requested
    }

    private func requestedClosure(of user: UUID) async throws -> RequestedClosure? {
        try RequestedClosure(try await store.load(RequestedClosure.stream(of: user)).events)
    }
}
