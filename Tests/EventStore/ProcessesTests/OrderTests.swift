import EventSourcing
import EventStoreTesting
import Foundation
import JSON
import Logging
import Processes
import TestSupport
import Testing

@Suite struct `An order` {
    let world = OrderWorld(InMemoryEventStore())

    @Test func `whose steps succeed is completed`() async throws {
        try await world.happen("OrderPlaced")
        try await world.run()
        #expect(world.shop.effects == ["reserve", "charge", "confirm", "send"])
        #expect(try await world.state().status == .ended(.completed, reason: nil))
        #expect(try await world.state().correlation == "the-request")
    }

    @Test(arguments: [
        ("reserve", []), ("charge", ["reserve", "release"]), ("confirm", ["reserve", "charge", "refund", "release"]),
    ])
    func `one of whose steps is refused is undone in reverse order`(step: String, effects: [String]) async throws {
        world.shop.refuse(step)
        try await world.happen("OrderPlaced")
        try await world.run()
        #expect(world.shop.effects == effects)
        #expect(try await world.state().status == .ended(.compensated, reason: "\(step): no \(step)"))
    }

    @Test func `past its pivot only goes forward`() async throws {
        world.shop.refuse("send")
        try await world.happen("OrderPlaced")
        try await world.run()
        #expect(world.shop.effects == ["reserve", "charge", "confirm"])
        await #expect(throws: ProcessRefusal.pastPivot) { try await world.ask(.compensate) }
        world.shop.accept("send")
        // Longer than the pause before any of the tries that a slow machine has time for.
        world.pass(.seconds(60))
        try await world.run()
        #expect(try await world.state().status == .ended(.completed, reason: nil))
    }

    @Test func `whose command fails is tried again, less and less often`() async throws {
        world.shop.setAway(["charge"])
        try await world.happen("OrderPlaced")
        var failures = 0
        while failures < 4 {
            let before = world.now
            try await world.run()
            let state = try await world.state()
            failures = try #require(state.steps.last).failures
            let retryAt = try #require(state.next?.at)
            // 1, 2, 4 and 8 s after the try, which was made at some time in between.
            let pause = Duration.seconds(1 << (failures - 1))
            #expect(retryAt >= before.advanced(by: pause) && retryAt <= world.now.advanced(by: pause))
            world.pass(.milliseconds(max(1, retryAt.milliseconds - world.now.milliseconds)))
        }
        world.shop.setAway([])
        try await world.run()
        #expect(world.shop.effects == ["reserve", "charge", "confirm", "send"])
    }

    @Test func `that waits costs a row, and its deadline passes once`() async throws {
        let due = world.now.advanced(by: .seconds(30 * 86_400))
        try await world.happen("OrderPlaced", ["paidBy": .string(due.description)])
        try await world.run()
        #expect(try await world.state().next?.at == due && world.shop.effects.isEmpty)
        world.pass(.seconds(30 * 86_400))
        try await world.run()
        try await world.run(losingRows: true)
        #expect(try await world.events().count { $0 == "ProcessDeadlinePassed" } == 1)
        #expect(world.shop.effects == ["reserve", "charge", "confirm", "send"])
    }

    @Test func `whose step is over has no deadline any more`() async throws {
        try await world.happen("OrderPlaced", ["paidBy": .string(world.now.advanced(by: .seconds(3600)).description)])
        try await world.run()
        try await world.happen("OrderWithdrawn")
        try await world.run()
        world.pass(.seconds(7200))
        try await world.run()
        #expect(try await world.state().status == .ended(.compensated, reason: "withdrawn"))
        #expect(try await !world.events().contains("ProcessDeadlinePassed") && world.shop.effects.isEmpty)
    }

    @Test func `whose command fails again and again is held to its deadline`() async throws {
        world.shop.setAway(["charge"])
        let limit = world.now.advanced(by: .seconds(3600))
        try await world.happen("OrderPlaced", ["chargedBy": .string(limit.description)])
        try await world.run()
        let state = try await world.state()
        // The deadline is no excuse for a command that is not done.
        #expect(state.stuckAt(patience: .seconds(600)) == state.progressAt.advanced(by: .seconds(600)))
        world.pass(.seconds(3600))
        try await world.ask(.retry)
        try await world.run()
        #expect(try await world.state().status == .ended(.compensated, reason: "not charged in time"))
        // Nobody knows whether it was charged.
        #expect(world.shop.effects == ["reserve", "refund", "release"])
        #expect(try await world.events().count { $0 == "ProcessDeadlinePassed" } == 1)
    }

    @Test func `whose step is done in time has no deadline any more`() async throws {
        try await world.happen("OrderPlaced", ["chargedBy": .string(world.now.advanced(by: .seconds(3600)).description)])
        try await world.run()
        #expect(try await world.state().status == .ended(.completed, reason: nil))
        #expect(try await world.events().contains("ProcessDeadlineCancelled"))
    }

    @Test func `that is over or missing records that it refuses a reply`() async throws {
        let stranger = OrderWorld(world.log)
        try await stranger.happen("OrderWithdrawn")
        try await stranger.run()
        #expect(try await stranger.events() == ["ProcessMessageRefused"])
        try await world.happen("OrderPlaced")
        try await world.run()
        try await world.happen("OrderWithdrawn")
        try await world.run()
        try await world.run()
        #expect(try await world.events().count { $0 == "ProcessMessageRefused" } == 1)
        #expect(try await world.state().status == .ended(.completed, reason: nil))
    }

    @Test func `is stuck after its patience, and an operator may skip or retry its step`() async throws {
        world.shop.refuse("send")
        try await world.happen("OrderPlaced")
        try await world.run()
        let stuck = try #require(try await world.state().stuckAt(patience: .seconds(600)))
        world.pass(.seconds(300))
        try await world.run()
        // A failure is no progress.
        #expect(try await world.state().stuckAt(patience: .seconds(600)) == stuck)
        try await world.ask(.skip)
        try await world.run()
        #expect(try await world.state().status == .ended(.completed, reason: nil))
        #expect(world.shop.effects == ["reserve", "charge", "confirm"])
        await #expect(throws: ProcessRefusal.over) { try await world.ask(.retry) }
    }
}

@Suite struct `Processes that are killed` {
    @Test(arguments: ["", "charge", "confirm"], [true, false])
    func `at any boundary end once, as they would have`(refused: String, losingRows: Bool) async throws {
        var boundaries = 0
        var left: Int?
        var effects: [String] = []
        repeat {
            let world = OrderWorld(InMemoryEventStore())
            world.shop.refuse(refused)
            world.shop.crash(after: left)
            try await world.happen("OrderPlaced")
            try await world.run(losingRows: losingRows)
            if left == nil { (boundaries, effects) = (world.shop.boundaries, world.shop.effects) }
            #expect(world.shop.effects == effects, "killed after \(left ?? -1) boundaries")
            #expect(try await !world.state().isOpen)
            left = (left ?? -1) + 1
        } while left ?? 0 < boundaries
        #expect(boundaries > 10)
    }
}
