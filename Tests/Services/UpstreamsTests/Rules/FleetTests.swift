import TestSupport
import Testing

@testable import Upstreams

private let start = ContinuousClock.now

@Suite struct `Instances` {
    private let first = Instance(host: "a", port: 1)
    private let second = Instance(host: "b", port: 1)
    private let third = Instance(host: "c", port: 1)

    private func fleet(_ instances: Instance...) -> Fleet {
        var fleet = Fleet(UpstreamSettings())
        fleet.replace(with: instances)
        return fleet
    }

    @Test func `the less busy of two is called`() {
        var story = Story(fleet(first, second))
        let busy = story.choose()
        for _ in 0..<20 {
            let place = story.choose()
            #expect(place?.instance != busy?.instance)
            if let place { story.fleet.leave(place) }
        }
    }

    @Test func `of many, all get about the same`() {
        var story = Story(fleet(first, second, third))
        for _ in 0..<300 { _ = story.choose() }
        let loads = story.fleet.members.map(\.outstanding)
        #expect(loads.allSatisfy { 90...110 ~= $0 }, "\(loads), seed \(story.seed)")
    }

    @Test func `one that fails five times in a row is passed over`() {
        var story = Story(fleet(first, second))
        story.fail(first, times: 5)
        for _ in 0..<20 { #expect(story.choose()?.instance == second) }
    }

    @Test func `one where nobody listens is passed over at once`() {
        var story = Story(fleet(first, second))
        story.call(first, .gone)
        for _ in 0..<20 { #expect(story.choose()?.instance == second) }
    }

    @Test func `the last one is never ejected`() {
        var story = Story(fleet(first, second))
        story.fail(first, times: 5)
        story.fail(second, times: 15)
        #expect(story.fleet.members.map { $0.ejection.isOut(at: start) } == [true, false])
        #expect(story.choose()?.instance == second)
    }

    @Test func `a good call takes an ejected one back at once`() throws {
        var story = Story(fleet(first, second))
        // It began before the others failed.
        let held = story.place(at: first)
        let place = try #require(held)
        story.fail(first, times: 5)
        #expect(story.fleet.members[0].ejection.isOut(at: start))
        _ = story.fleet.record(.good, at: place, now: start)
        #expect(!story.fleet.members[0].ejection.isOut(at: start))
    }

    @Test func `a good check takes an ejected one back at once, when it was asked after that`() {
        var story = Story(fleet(first, second))
        story.fail(first, times: 5)
        _ = story.fleet.checked(first, isReady: true, asked: start, now: start)
        #expect(story.fleet.members[0].ejection.isOut(at: start))
        _ = story.fleet.checked(first, isReady: true, asked: start + .milliseconds(1), now: start + .milliseconds(2))
        #expect(!story.fleet.members[0].ejection.isOut(at: start + .milliseconds(2)))
    }

    @Test func `a check that this process could not make says nothing, and is made again soon`() {
        var story = Story(fleet(first, second))
        #expect(story.fleet.startChecks(isFullRound: true, at: start) == [first, second])
        _ = story.fleet.checked(first, isReady: nil, asked: start, now: start)
        _ = story.fleet.checked(second, isReady: true, asked: start, now: start)
        #expect(story.fleet.members.map { $0.ejection.isOut(at: start) } == [false, false])
        #expect(story.fleet.startChecks(isFullRound: false, at: start) == [first])
    }

    @Test func `an ejected one comes back by itself after a while`() {
        var story = Story(fleet(first, second))
        story.fail(first, times: 5)
        #expect(!story.fleet.members[0].ejection.isOut(at: start + UpstreamSettings.Ejecting().time))
    }

    @Test func `when all are out the least bad one is called`() {
        var story = Story(fleet(first, second))
        story.fail(first, times: 3)
        story.fail(second, times: 1)
        for instance in [first, second] { _ = story.fleet.checked(instance, isReady: false, asked: start, now: start) }
        #expect(story.choose()?.instance == second)
    }

    @Test func `a repeat goes to another one while there is one in good standing`() {
        var story = Story(fleet(first, second))
        for _ in 0..<20 { #expect(story.choose(avoiding: [first])?.instance == second) }
        #expect(story.choose(avoiding: [first, second]) != nil)
        _ = story.fleet.checked(second, isReady: false, asked: start, now: start)
        #expect(story.choose(avoiding: [first])?.instance == first)
    }

    @Test func `those that stay keep what is known of them`() {
        var story = Story(fleet(first, second))
        story.fail(first, times: 5)
        story.fleet.replace(with: [third, first])
        #expect(story.fleet.members.map { $0.ejection.isOut(at: start) } == [false, true])
    }

    @Test func `an instance that was listed twice is one`() {
        #expect(fleet(first, first).members.count == 1)
    }

    @Test func `all breakers open: told when the first one opens`() {
        var settings = UpstreamSettings()
        settings.breaker.minimumVolume = 1
        var open = Fleet(settings)
        open.replace(with: [first])
        var story = Story(open)
        story.call(first, .bad)
        guard case .none(let until) = story.fleet.choose(at: start, using: &story.random) else {
            Issue.record("called all the same")
            return
        }
        #expect(until == start + settings.breaker.openTime)
    }
}

/// Instances, and what happens to them.
private struct Story {
    var fleet: Fleet
    let seed: UInt64
    var random: SeededRandom

    init(_ fleet: Fleet) {
        self.fleet = fleet
        seed = .random(in: .min ... .max)
        random = SeededRandom(seed: seed)
    }

    mutating func choose(avoiding tried: [Instance] = []) -> Fleet.Place? {
        guard case .place(let place) = fleet.choose(avoiding: tried, at: start, using: &random) else { return nil }
        return place
    }

    mutating func fail(_ instance: Instance, times: Int) { for _ in 0..<times { call(instance, .bad) } }

    mutating func call(_ instance: Instance, _ verdict: Verdict) {
        guard let place = place(at: instance) else { return }
        _ = fleet.record(verdict, at: place, now: start)
        fleet.leave(place)
    }

    /// A place at this instance, all others being out of the choice. Nil, which is an issue, when it is not called.
    mutating func place(at instance: Instance) -> Fleet.Place? {
        let others = fleet.members.map(\.instance).filter { $0 != instance }
        let place = choose(avoiding: others)
        if place?.instance == instance { return place }
        Issue.record("\(instance) is not called, seed \(seed)")
        return nil
    }
}
