import EventSourcing
import FoundationEssentials
import JSON
import Publishing
import Testing

@Suite struct `The closure of an account` {
    private static let time = Timestamp(milliseconds: 1_700_000_000_000)

    private static let steps = [
        CompletedStep(.releaseClaim, at: time, position: 7), CompletedStep(.closeAccount, at: time, position: 8),
        CompletedStep(.endSessions, at: time, position: 8), CompletedStep(.deletePosts, at: time, position: 12, count: 3),
        CompletedStep(.scrubReadModels, at: time, position: 12), CompletedStep(.destroyKey, at: time),
    ]

    @Test func `is requested once`() throws {
        let closure = UUID.v7()
        let requested = ClosureRules.fold(try ClosureRules.decide(closure, in: nil))
        #expect(requested == closure)
        #expect(throws: ClosureRequestedBefore()) { try ClosureRules.decide(.v7(), in: requested) }
    }

    @Test func `states what was done, when and where, and nothing personal`() throws {
        let request = try #require(try RequestedClosure([Sample.recorded(ClosureRules.encode(ClosureRequested(closure: .v7())))]))
        let claims = ClosureStatement(request, steps: Self.steps).claims(issuer: "annals", issuedAt: Self.time)
        #expect(claims.names == ["iss", "jti", "sub", "iat", "requestedAt", "steps"])
        #expect(claims["jti"]?.text == request.id.lowercased && claims["sub"]?.text == request.user.lowercased)
        guard case .array(let steps)? = claims["steps"] else { Issue.record("no steps"); return }
        #expect(steps.count == 6)
        #expect(
            steps[3]
                == .object(["name": .string("delete-posts"), "at": .string(Self.time.description), "position": .integer(12), "count": .integer(3)]))
    }
}
