import Testing

@testable import Postgres

/// The rules of the pool without a server: connections are their names, waiters are words.
@Suite struct `The pool's bookkeeping` {
    typealias State = PoolState<String, String>
    private let start = ContinuousClock.now

    private func state(open: Int = 0, _ change: (inout PoolLimits) -> Void = { _ in }) -> State {
        var limits = PoolLimits()
        limits.pipelineDepth = 2
        change(&limits)
        var state = State(limits)
        for _ in 0..<open {
            let id = state.startOpening()
            _ = state.opened(id, "c\(id)", now: start, expires: start + .seconds(1000))
        }
        return state
    }

    private func wait(_ state: inout State, _ name: String, _ lane: State.Lane, seconds: Int = 10) {
        let id = state.nextWaiterID()
        state.wait(name, id: id, in: lane, until: start + .seconds(seconds))
    }

    @Test func `gives an idle connection before it shares one`() {
        var state = state(open: 2)
        let first = state.leaseShared()?.id
        let second = state.leaseShared()?.id
        #expect(Set([first, second]) == [1, 2])
    }

    @Test func `shares the least busy one up to its depth, then makes callers wait`() {
        var state = state(open: 2)
        var leases: [Int: Int] = [:]
        for _ in 0..<4 { leases[state.leaseShared()?.id ?? 0, default: 0] += 1 }
        #expect(leases == [1: 2, 2: 2])
        #expect(state.leaseShared() == nil)
    }

    @Test func `shares no more connections than it may`() {
        var state = state(open: 3) { $0.multiplexedConnections = 1 }
        #expect(state.leaseShared()?.id == state.leaseShared()?.id)
        #expect(state.leaseShared() == nil)
        #expect(state.leasePinned() != nil && state.leasePinned() != nil && state.leasePinned() == nil)
    }

    @Test func `serves waiters in their order`() {
        var state = state(open: 1) { $0.maximumConnections = 1 }
        let lease = state.leasePinned()
        for name in ["a", "b"] { wait(&state, name, .pinned) }
        let first = state.releasePinned(lease?.id ?? 0, reusable: true, now: start)
        let second = state.releasePinned(lease?.id ?? 0, reusable: true, now: start)
        #expect(first.grants.map(\.waiter) == ["a"] && second.grants.map(\.waiter) == ["b"])
    }

    @Test func `lets nobody overtake those who wait`() {
        var state = state(open: 1)
        wait(&state, "first", .shared)
        #expect(state.leaseShared() == nil)
    }

    @Test func `fills a shared connection with those who wait when places come free`() {
        var state = state(open: 1) { $0.multiplexedConnections = 1 }
        _ = (state.leaseShared(), state.leaseShared())
        for name in ["a", "b", "c"] { wait(&state, name, .shared) }
        #expect(state.releaseShared(1, count: 1) { start }.grants.map(\.waiter) == ["a"])
        #expect(state.releaseShared(1, count: 2) { start }.grants.map(\.waiter) == ["b", "c"])
    }

    @Test func `gives a free connection to the lane that has waited longer`() {
        var state = state(open: 1) { $0.maximumConnections = 1 }
        let lease = state.leasePinned()
        wait(&state, "shared", .shared)
        wait(&state, "pinned", .pinned)
        #expect(state.releasePinned(lease?.id ?? 0, reusable: true, now: start).grants.map(\.waiter) == ["shared"])
        #expect(state.releaseShared(1, count: 1) { start }.grants.map(\.waiter) == ["pinned"])
    }

    @Test func `empties a shared connection for a caller who wants one whole`() {
        var state = state(open: 2) { $0.maximumConnections = 2 }
        _ = (state.leaseShared(), state.leaseShared())
        wait(&state, "pinned", .pinned)
        #expect(state.leaseShared()?.id == 1)
        #expect(state.leaseShared() == nil)
        #expect(state.releaseShared(2, count: 1) { start }.grants.map(\.waiter) == ["pinned"])
    }

    @Test func `asks for what is missing and no more than it may have`() {
        var state = state { $0.maximumConnections = 3 }
        #expect(state.openingsNeeded == 0)
        wait(&state, "s", .shared)
        #expect(state.openingsNeeded == 2)
        for name in ["a", "b", "c", "d"] { wait(&state, name, .pinned) }
        #expect(state.openingsNeeded == 3)
        _ = state.startOpening()
        #expect(state.openingsNeeded == 2)
    }

    @Test func `tries with one connection at a time after a failure`() {
        var state = state()
        for name in ["a", "b", "c"] { wait(&state, name, .pinned) }
        let id = state.startOpening()
        state.openingFailed(id)
        #expect(state.openingsNeeded == 1)
        let next = state.startOpening()
        #expect(state.openingsNeeded == 0)
        let effects = state.opened(next, "c", now: start, expires: start + .seconds(10))
        #expect(effects.grants.map(\.waiter) == ["a"] && effects.needsOpening && state.openingsNeeded == 2)
    }

    @Test func `ends connections that are idle too long but keeps the minimum`() {
        var state = state(open: 3) { $0.minimumConnections = 1 }
        #expect(state.retire(now: start + .seconds(29)).isEmpty)
        #expect(state.retire(now: start + .seconds(30)).count == 2)
        #expect(state.statistics == PoolStatistics(open: 1, idle: 1, inUse: 0, waiting: 0))
    }

    @Test func `lets a connection whose time is up finish its work and opens another`() {
        var state = state(open: 1) { $0.multiplexedConnections = 1 }
        _ = state.leaseShared()
        #expect(state.retire(now: start + .seconds(1000)).isEmpty)
        #expect(state.leaseShared() == nil)
        wait(&state, "a", .shared)
        #expect(state.openingsNeeded == 1)
        #expect(state.releaseShared(1, count: 1) { start + .seconds(1000) }.closes == ["c1"])
    }

    @Test func `ends a connection that comes back unusable`() {
        var state = state(open: 1)
        let lease = state.leasePinned()
        wait(&state, "a", .pinned)
        let effects = state.releasePinned(lease?.id ?? 0, reusable: false, now: start)
        #expect(effects.closes == ["c1"] && effects.grants.isEmpty && effects.needsOpening)
    }

    @Test func `turns away those whose time is up and nobody else`() {
        var state = state()
        wait(&state, "early", .shared, seconds: 1)
        wait(&state, "late", .pinned, seconds: 2)
        #expect(state.nextDeadline == start + .seconds(1))
        #expect(state.removeWaiters(dueAt: start + .seconds(1)) == ["early"])
        #expect(state.nextDeadline == start + .seconds(2))
    }

    @Test func `ends connections as they come back once it is closed`() {
        var state = state(open: 2)
        let lease = state.leasePinned()
        #expect(state.close().count == 1)
        #expect(state.leaseShared() == nil && state.leasePinned() == nil && state.openingsNeeded == 0)
        #expect(state.releasePinned(lease?.id ?? 0, reusable: true, now: start).closes.count == 1)
        #expect(state.slots.isEmpty)
    }
}
