import TestSupport
import Testing

@testable import Upstreams

@Suite struct `A circuit breaker` {
    private let start = ContinuousClock.now
    private let settings = UpstreamSettings.Breaker()

    /// A breaker that has just opened.
    private func opened() -> CircuitBreaker {
        var breaker = CircuitBreaker(settings)
        breaker.call(.bad, times: settings.minimumVolume, at: start)
        return breaker
    }

    @Test func `stays closed below the minimum volume, whatever fails`() {
        var breaker = CircuitBreaker(settings)
        breaker.call(.bad, times: settings.minimumVolume - 1, at: start)
        #expect(breaker.phase == .closed)
    }

    @Test func `opens when half of enough calls fail`() {
        var breaker = CircuitBreaker(settings)
        breaker.call(.good, times: 10, at: start)
        breaker.call(.bad, times: 9, at: start)
        #expect(breaker.phase == .closed)
        breaker.call(.bad, times: 1, at: start)
        #expect(breaker.phase == .open(until: start + settings.openTime))
    }

    @Test func `forgets failures that are older than its window`() {
        var breaker = CircuitBreaker(settings)
        breaker.call(.bad, times: 19, at: start)
        breaker.call(.bad, times: 1, at: start + settings.window)
        #expect(breaker.phase == .closed)
    }

    @Test func `admits nothing while it is open`() {
        var breaker = opened()
        let permit = breaker.admit(at: start + settings.openTime - .nanoseconds(1))
        #expect(permit == nil)
    }

    @Test func `then admits a few probes at once, and closes when all of them succeed`() {
        var breaker = opened()
        let later = start + settings.openTime
        let permits = (0..<10).compactMap { _ in breaker.admit(at: later) }
        #expect(permits.count == settings.probes)
        for permit in permits.dropLast() { breaker.record(.good, of: permit, at: later) }
        #expect(breaker.phase == .halfOpen(running: 1, passed: 2))
        breaker.record(.good, of: permits[2], at: later)
        #expect(breaker.phase == .closed)
    }

    @Test func `one failed probe opens it again for the whole time`() {
        var breaker = opened()
        let later = start + settings.openTime
        let permits = (0..<2).compactMap { _ in breaker.admit(at: later) }
        breaker.record(.good, of: permits[0], at: later)
        breaker.record(.bad, of: permits[1], at: later)
        #expect(breaker.phase == .open(until: later + settings.openTime))
    }

    @Test func `a probe that was given up gives its place to another`() {
        var breaker = opened()
        let later = start + settings.openTime
        let permits = (0..<3).compactMap { _ in breaker.admit(at: later) }
        breaker.record(.none, of: permits[0], at: later)
        let (other, further) = (breaker.admit(at: later), breaker.admit(at: later))
        #expect(other != nil && further == nil)
    }

    @Test func `the verdict of a call from before it opened counts no more`() throws {
        var breaker = CircuitBreaker(settings)
        let admitted = breaker.admit(at: start)
        let early = try #require(admitted)
        breaker.call(.bad, times: settings.minimumVolume, at: start)
        let later = start + settings.openTime
        let probe = breaker.admit(at: later)
        breaker.record(.bad, of: early, at: later)
        #expect(probe != nil && breaker.phase == .halfOpen(running: 1, passed: 0))
    }

    @Test func `tries at once an instance that says it is ready, asked after it opened`() {
        var breaker = opened()
        breaker.tryAgain(ifOpenedBefore: start)
        #expect(breaker.phase == .open(until: start + settings.openTime))
        breaker.tryAgain(ifOpenedBefore: start + .seconds(1))
        #expect(breaker.phase == .halfOpen(running: 0, passed: 0))
    }

    @Test func `keeps its rules in any story`() throws {
        let seed = UInt64.random(in: .min ... .max)
        var random = SeededRandom(seed: seed)
        for _ in 0..<100 {
            var breaker = CircuitBreaker(settings)
            var now = start
            var running: [(permit: CircuitBreaker.Permit, isProbe: Bool)] = []
            var failuresSinceClosed = 0
            for _ in 0..<1000 {
                now += .milliseconds(Int.random(in: 0...300, using: &random))
                if Bool.random(using: &random) {
                    let before = breaker.phase
                    let admits = breaker.admits(at: now)
                    let permit = breaker.admit(at: now)
                    #expect(admits == (permit != nil), "seed \(seed)")
                    if case .open(let until) = before { #expect((permit != nil) == (now >= until), "seed \(seed)") }
                    if before == .closed { #expect(permit != nil, "seed \(seed)") }
                    if let permit { running.append((permit, breaker.phase != .closed)) }
                } else if !running.isEmpty {
                    let call = running.remove(at: Int.random(in: running.indices, using: &random))
                    let verdict: Verdict = [.good, .good, .good, .bad, .gone, .none][Int.random(in: 0..<6, using: &random)]
                    let before = breaker.phase
                    if before == .closed, verdict == .bad || verdict == .gone { failuresSinceClosed += 1 }
                    breaker.record(verdict, of: call.permit, at: now)
                    switch (before, breaker.phase) {
                    case (.closed, .open):
                        #expect(verdict != .good && failuresSinceClosed * 2 >= settings.minimumVolume, "seed \(seed)")
                    case (.halfOpen, .closed):
                        #expect(verdict == .good && call.isProbe, "seed \(seed)")
                        failuresSinceClosed = 0
                    case (.halfOpen, .open): #expect((verdict == .bad || verdict == .gone) && call.isProbe, "seed \(seed)")
                    case (.closed, .closed), (.open, .open), (.halfOpen, .halfOpen): break
                    case (.closed, .halfOpen), (.open, .closed), (.open, .halfOpen): Issue.record("a verdict led to \(breaker.phase), seed \(seed)")
                    }
                }
                if case .halfOpen(let running, let passed) = breaker.phase {
                    #expect(running >= 0 && passed >= 0 && running + passed <= settings.probes, "seed \(seed)")
                }
            }
        }
    }
}

extension CircuitBreaker {
    fileprivate mutating func call(_ verdict: Verdict, times: Int, at now: Instant) {
        for _ in 0..<times { if let permit = admit(at: now) { record(verdict, of: permit, at: now) } }
    }
}
