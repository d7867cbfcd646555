import EventSourcing
import Testing

@Suite struct `A gathering` {
    private let start = ContinuousClock.now

    @Test func `waits for nothing at first, and for nothing while little comes`() {
        var gathering = Gathering(from: 4, within: .milliseconds(10))
        #expect(gathering.next(at: start) == nil)
        gathering.found(3, at: start)
        #expect(gathering.next(at: start) == nil)
    }

    @Test func `lets a look that found much be followed by the next after its time`() {
        var gathering = Gathering(from: 4, within: .milliseconds(10))
        gathering.found(4, at: start)
        #expect(gathering.next(at: start.advanced(by: .milliseconds(9))) == start.advanced(by: .milliseconds(10)))
        #expect(gathering.next(at: start.advanced(by: .milliseconds(10))) == nil)
    }

    @Test func `ends with a look that finds little`() {
        var gathering = Gathering(from: 4, within: .milliseconds(10))
        gathering.found(100, at: start)
        gathering.found(0, at: start.advanced(by: .milliseconds(10)))
        #expect(gathering.next(at: start.advanced(by: .milliseconds(11))) == nil)
    }
}
