import EventSourcing
import FoundationEssentials
import HTTPContract
import HTTPTypes
import Testing

@testable import CommandService

@Suite(.timeLimit(.minutes(5))) struct `The budget of reads of history` {
    private struct Trouble: Error {}

    private func isRefused(_ budget: HistoryBudget, _ user: UUID) async throws -> Bool {
        do {
            try await budget.spend(for: user) {}
            return false
        } catch let problem as Problem {
            #expect(problem.status == .serviceUnavailable)
            return true
        }
    }

    @Test func `refuses a user's reads beyond a few, and everybody's beyond more`() async throws {
        let budget = HistoryBudget(perUser: 1, total: 2)
        let (ann, bob, carl) = (UUID.v7(), UUID.v7(), UUID.v7())
        try await budget.spend(for: ann) {
            #expect(try await isRefused(budget, ann))
            #expect(try await !isRefused(budget, bob))
            try await budget.spend(for: bob) { try await #expect(isRefused(budget, carl)) }
        }
        for user in [ann, bob, carl] { #expect(try await !isRefused(budget, user)) }
    }

    @Test func `is given back by a read that fails`() async throws {
        let budget = HistoryBudget(perUser: 1, total: 1)
        let ann = UUID.v7()
        await #expect(throws: Trouble.self) { try await budget.spend(for: ann) { throw Trouble() } }
        #expect(try await !isRefused(budget, ann))
    }
}
