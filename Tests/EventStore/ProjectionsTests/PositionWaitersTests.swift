import Testing

@testable import Projections

@Suite struct `Who waits for a position` {
    @Test func `is let go at once when it is reached`() {
        var waiters = PositionWaiters<String>()
        #expect(waiters.move("posts", to: 5) == [])
        #expect(waiters.add("a", id: 1, for: 5, of: ["posts"]) == "a")
        #expect(waiters.count == 0)
    }

    @Test func `is let go when the position is reached, not before, and once`() {
        var waiters = PositionWaiters<String>()
        #expect(waiters.add("a", id: 1, for: 5, of: ["posts"]) == nil)
        #expect(waiters.move("posts", to: 4) == [])
        #expect(waiters.move("posts", to: 6) == ["a"])
        #expect(waiters.move("posts", to: 7) == [])
    }

    @Test func `waits for the last of several models`() {
        var waiters = PositionWaiters<String>()
        #expect(waiters.add("a", id: 1, for: 5, of: ["posts", "users", "views"]) == nil)
        #expect(waiters.move("users", to: 5) == [])
        #expect(waiters.move("posts", to: 5) == [])
        #expect(waiters.move("views", to: 9) == ["a"])
    }

    @Test func `waits for a model that nobody has heard of`() {
        var waiters = PositionWaiters<String>()
        #expect(waiters.add("a", id: 1, for: 0, of: ["new"]) == nil)
        #expect(waiters.move("new", to: 0) == ["a"])
    }

    @Test func `leaves nothing behind when it gives up`() {
        var waiters = PositionWaiters<Int>()
        for id in UInt64(1)...100 { #expect(waiters.add(Int(id), id: id, for: .max, of: ["posts"]) == nil) }
        for id in UInt64(1)...100 { #expect(waiters.remove(id) == Int(id)) }
        #expect(waiters.remove(1) == nil)
        #expect(waiters.count == 0)
        #expect(waiters.move("posts", to: .max) == [])
    }

    @Test func `is let go among many exactly as far as the position reaches`() {
        var waiters = PositionWaiters<Int64>()
        for position in (Int64(1)...1000).reversed() { #expect(waiters.add(position, id: UInt64(position), for: position, of: ["posts"]) == nil) }
        #expect(waiters.move("posts", to: 250) == Array(1...250))
        #expect(waiters.count == 750)
    }
}
