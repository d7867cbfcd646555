import EventSourcing
import JSON
import Publishing
import Testing

@testable import Processes
@testable import RelayService

@Suite struct `The process that closes an account` {
    private let process = AccountClosure(means: nil)
    private let input: JSONObject = ["closure": .string("c")]
    private let at8: JSONObject = ["position": .integer(8)]

    @Test func `issues its steps in order, each with what those before it have found`() throws {
        let deleted: JSONObject = ["position": .integer(12), "count": .integer(3)]
        let commands = try commands(after: [at8, at8, deleted, ["position": .integer(12)], ["user": .string("u")]])
        #expect(commands.map(\.step) == ["close-account", "end-sessions", "delete-posts", "scrub-read-models", "destroy-key"])
        let closed: JSONObject = ["closure": .string("c"), "closedAt": .integer(8)]
        #expect(commands.map(\.command) == [input, closed, closed, ["from": .integer(8), "through": .integer(12)], [:]])
    }

    @Test func `destroys the key last, after all that needs it`() throws {
        #expect(ClosureStep.allCases.map(\.rawValue).firstIndex(of: "destroy-key") == ClosureStep.allCases.count - 2)
        #expect(try commands(after: [at8, at8, at8, at8]).last?.step == "destroy-key")
    }

    @Test func `of somebody without posts scrubs up to the closure itself`() throws {
        let scrubbing = try commands(after: [at8, at8, ["position": .integer(8), "count": .integer(0)]]).last
        #expect(scrubbing?.command == ["from": .integer(8), "through": .integer(8)])
    }

    @Test(arguments: 0..<5) func `is not refused and not undone at any step`(count: Int) throws {
        let state = try state(after: Array(repeating: at8, count: count))
        let step = try #require(state.steps.last?.name)
        let rules = ProcessRules(process)
        let refused = try rules.decide(.carriedOut(step: step, .refused("no")), in: state, retryAt: .now)
        #expect(refused.map(\.kind) == [.stepFailed])
        for wish in [ProcessRequest.cancel, .compensate] {
            #expect(throws: ProcessRefusal.pastPivot) { try rules.decide(wish, in: state, retryAt: .now) }
        }
        // A step that an operator skips is asked for again.
        #expect(try rules.decide(.skip, in: state, retryAt: .now).map(\.step) == [step, step])
    }

    private func commands(after results: [JSONObject]) throws -> [(step: String, command: JSONObject)] {
        try state(after: results).steps.map { ($0.name, $0.command) }
    }

    /// The state once the first steps have brought these results.
    private func state(after results: [JSONObject]) throws -> ProcessState {
        let rules = ProcessRules(process)
        var state = try ProcessState()
        for event in try rules.decide(.message(.start(input: input)), in: state, retryAt: .now) { state.evolve(with: event) }
        for result in results {
            let step = try #require(state.steps.last { $0.status == .issued }?.name)
            for event in try rules.decide(.carriedOut(step: step, .done(result)), in: state, retryAt: .now) { state.evolve(with: event) }
        }
        return state
    }
}
