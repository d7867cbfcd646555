import EventSourcing
import FoundationEssentials
import JSON
import Publishing
import Testing

@Suite struct `The closure of an account` {
    private static let time = Timestamp(milliseconds: 1_700_000_000_000)

    /// All steps, as they are recorded when there were posts.
    private static let steps = [
        CompletedStep(.releaseClaim, at: time, position: 7), CompletedStep(.closeAccount, at: time, position: 8),
        CompletedStep(.endSessions, at: time),
        CompletedStep(.deletePosts, at: time, position: 12, count: 3), CompletedStep(.scrubReadModels, at: time, position: 12),
        CompletedStep(.destroyKey, at: time), CompletedStep(.signReceipt, at: time),
    ]

    @Test func `does its steps in order, each on what those before it have found out`() throws {
        let actions = try (0...Self.steps.count).map { AccountClosure.next(in: try AccountClosure.fold(Self.steps.prefix($0))) }
        #expect(
            actions == [
                .releaseClaim, .closeAccount, .endSessions(closedAt: 8), .deletePosts(draftedThrough: 8), .scrubReadModels(8...12), .destroyKey,
                .signReceipt, nil,
            ])
        #expect(Self.steps.map(\.step) == ClosureStep.allCases)
        #expect(actions.compactMap { $0?.step } == ClosureStep.allCases)
    }

    @Test func `releases the claim before anything else and destroys the key after all that needs it`() throws {
        #expect(ClosureStep.allCases.first == .releaseClaim)
        let order = ClosureStep.allCases
        let key = try #require(order.firstIndex(of: .destroyKey))
        for earlier in [ClosureStep.closeAccount, .deletePosts, .scrubReadModels] { #expect(try #require(order.firstIndex(of: earlier)) < key) }
    }

    @Test func `of somebody without posts scrubs up to the closure itself`() throws {
        let steps = Self.steps.prefix(3) + [CompletedStep(.deletePosts, at: Self.time, count: 0)]
        #expect(AccountClosure.next(in: try AccountClosure.fold(steps)) == .scrubReadModels(8...8))
    }

    @Test(arguments: ClosureStep.allCases) func `refuses a step that is not the next`(step: ClosureStep) throws {
        for count in 0...Self.steps.count {
            let state = try AccountClosure.fold(Self.steps.prefix(count))
            guard AccountClosure.next(in: state)?.step != step else { continue }
            #expect(throws: ClosureOutOfOrder(step: step)) {
                var state = state
                try AccountClosure.evolve(&state, with: CompletedStep(step, at: Self.time, position: 9))
            }
        }
    }

    @Test func `refuses an account closed at no position`() throws {
        #expect(throws: ClosureOutOfOrder(step: .closeAccount)) {
            try AccountClosure.fold([CompletedStep(.releaseClaim, at: Self.time), CompletedStep(.closeAccount, at: Self.time)])
        }
    }

    @Test func `states what was done, when and where, and nothing personal`() throws {
        let (closure, user) = (UUID.v7(), UUID.v7())
        let claims = ClosureStatement(closure: closure, user: user, requestedAt: Self.time, steps: Self.steps).claims(
            issuer: "annals", issuedAt: Self.time)
        #expect(claims.names == ["iss", "jti", "sub", "iat", "requestedAt", "steps"])
        #expect(claims["jti"]?.text == closure.lowercased)
        guard case .array(let steps)? = claims["steps"] else { Issue.record("no steps"); return }
        #expect(steps.count == 7)
        #expect(
            steps[3]
                == .object(["name": .string("delete-posts"), "at": .string(Self.time.description), "position": .integer(12), "count": .integer(3)]))
    }
}
