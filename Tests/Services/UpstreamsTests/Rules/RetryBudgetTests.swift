import TestSupport
import Testing

@testable import Upstreams

@Suite struct `A retry budget` {
    private let start = ContinuousClock.now

    @Test func `few requests may be repeated three times`() {
        var budget = RetryBudget(UpstreamSettings.Retries())
        budget.note(at: start)
        #expect((0..<5).count { _ in budget.take(at: start) } == 3)
    }

    @Test func `many requests may be repeated by a fifth of them`() {
        var budget = RetryBudget(UpstreamSettings.Retries())
        for _ in 0..<1000 { budget.note(at: start) }
        #expect((0..<1000).count { _ in budget.take(at: start) } == 200)
    }

    @Test func `what is older than the window counts no more`() {
        var budget = RetryBudget(UpstreamSettings.Retries())
        for _ in 0..<1000 { budget.note(at: start) }
        #expect((0..<1000).count { _ in budget.take(at: start + .seconds(10)) } == 3)
    }

    @Test func `repeats in a window are never more than a fifth of its requests, and three`() {
        let seed = UInt64.random(in: .min ... .max)
        var random = SeededRandom(seed: seed)
        for _ in 0..<200 {
            var budget = RetryBudget(UpstreamSettings.Retries())
            var (requests, repeats) = (0, 0)
            for _ in 0..<Int.random(in: 1...2000, using: &random) {
                let now = start + .milliseconds(Int.random(in: 0..<1000, using: &random))
                if Bool.random(using: &random) {
                    budget.note(at: now)
                    requests += 1
                } else if budget.take(at: now) {
                    repeats += 1
                }
                #expect(Double(repeats) <= 0.2 * Double(requests) + 3, "seed \(seed)")
            }
        }
    }
}
