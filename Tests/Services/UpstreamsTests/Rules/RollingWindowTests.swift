import TestSupport
import Testing

@testable import Upstreams

@Suite struct `A rolling window` {
    @Test func `counts what was added within its length, to a tenth of it`() {
        let seed = UInt64.random(in: .min ... .max)
        var random = SeededRandom(seed: seed)
        let start = ContinuousClock.now
        for _ in 0..<50 {
            var window = RollingWindow(.seconds(10))
            var added: [ContinuousClock.Instant] = []
            var now = start
            for _ in 0..<300 {
                now += .milliseconds(Int.random(in: 0...(Bool.random(using: &random) ? 100 : 3000), using: &random))
                window.add(at: now)
                added.append(now)
                let surely = added.count { now - $0 < .seconds(9) }
                let perhaps = added.count { now - $0 <= .seconds(10) }
                #expect(surely...perhaps ~= window.total.all, "seed \(seed)")
            }
        }
    }
}
