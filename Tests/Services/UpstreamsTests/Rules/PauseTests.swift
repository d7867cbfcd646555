import TestSupport
import Testing

@testable import Upstreams

@Suite struct `The pause before a repeat` {
    @Test func `is anything up to a ceiling that doubles and has an end`() {
        let seed = UInt64.random(in: .min ... .max)
        var random = SeededRandom(seed: seed)
        let settings = UpstreamSettings.Retries()
        for (repeats, ceiling) in [(1, 25), (2, 50), (3, 100), (7, 1000), (100, 1000)] {
            let pauses = (0..<500).map { _ in Pause.length(before: repeats, settings, using: &random) }
            #expect(pauses.allSatisfy { .zero...(.milliseconds(ceiling)) ~= $0 }, "seed \(seed)")
            #expect(pauses.contains { $0 < .milliseconds(ceiling) / 4 } && pauses.contains { $0 > .milliseconds(ceiling) * 3 / 4 }, "seed \(seed)")
        }
    }
}
