import EventSourcing
import Testing

@Suite struct `Waits between attempts` {
    @Test func `grow to a limit, and begin again after a success`() {
        var backoff = Backoff(from: .milliseconds(1), to: .milliseconds(8))
        for _ in 0..<2 {
            for ceiling in [1, 2, 4, 8, 8, 8] {
                let wait = backoff.next()
                #expect(wait <= .milliseconds(ceiling) && wait >= .milliseconds(ceiling) / 2)
            }
            #expect(backoff.count == 6)
            backoff.reset()
        }
    }
}
