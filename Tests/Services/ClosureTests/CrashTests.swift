import EventLog
import EventLogTesting
import EventSourcing
import Foundation
import HTTPContract
import JSON
import Publishing
import Testing

@testable import AuthService

@Suite(.timeLimit(.minutes(5))) struct `A closure whose process dies` {
    private static let steps = [
        "release-claim", "close-account", "end-sessions", "delete-posts", "scrub-read-models", "destroy-key", "sign-receipt",
    ]

    /// Before and after each thing that the process does elsewhere.
    @Test func `at any moment is finished by the next, and done once`() async throws {
        try await House.open { house in
            let whole = Life(moments: nil)
            let first = try await house.process().person("user0")
            try await house.posts(2, by: first)
            try await Self.run(house.process(whole), closing: first)
            try await Self.expectErased(first, in: house)
            #expect(whole.moments == 12)

            for moments in 0..<whole.moments {
                let person = try await house.process().person("user\(moments + 1)")
                let posts = try await house.posts(2, by: person)
                let life = Life(moments: moments)
                try await Self.run(house.process(life), closing: person)
                #expect(life.isOver, "it died at moment \(moments)")
                // The dead process's closure is free again once its lease has run out.
                house.clock.advance(by: Closures.lease + .seconds(1))
                try await house.process().continueClosures()
                try await Self.expectErased(person, in: house)
                for post in posts { #expect(try await house.happened(post).filter { $0 == "PostDeleted" }.count == 1) }
            }
        }
    }

    @Test func `is not touched by another while its lease runs`() async throws {
        try await House.open { house in
            let person = try await house.process().person("ann")
            try await Self.run(house.process(Life(moments: 3)), closing: person)
            let before = try await house.count("identity.closure_steps")
            try await house.process().continueClosures()
            #expect(try await house.count("identity.closure_steps") == before)
        }
    }

    @Test func `is taken over within twenty seconds`() async throws {
        try await House.open { house in
            let person = try await house.process().person("ann")
            try await Self.run(house.process(Life(moments: 3)), closing: person)
            // A second is left for the other process to look.
            house.clock.advance(by: .seconds(19))
            try await house.process().continueClosures()
            try await Self.expectErased(person, in: house)
        }
    }

    @Test func `is taken over as soon when its last step had failed many times`() async throws {
        try await House.open { house in
            let auth = house.process()
            let person = try await auth.person("ann")
            house.readTables.isScrubbed = false
            _ = try await auth.close(person)
            for _ in 1...10 {
                house.clock.advance(by: .seconds(60))
                try await auth.continueClosures()
            }
            #expect(house.readTables.questions == 10)
            house.readTables.isScrubbed = true
            house.clock.advance(by: .seconds(19))
            try await house.process().continueClosures()
            try await Self.expectErased(person, in: house)
        }
    }

    @Test func `is taken over at once when its lease ends further ahead than it can, as after the clock went back`() async throws {
        try await House.open { house in
            let person = try await house.process().person("ann")
            try await Self.run(house.process(Life(moments: 3)), closing: person)
            house.clock.advance(by: .seconds(-3600))
            try await house.process().continueClosures()
            try await Self.expectErased(person, in: house)
        }
    }

    @Test func `is finished once by many that come at the same time`() async throws {
        try await House.open { house in
            let person = try await house.process().person("ann")
            let posts = try await house.posts(5, by: person)
            try await Self.run(house.process(Life(moments: 2)), closing: person)
            house.clock.advance(by: Closures.lease + .seconds(1))
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<4 { group.addTask { try await house.process().continueClosures() } }
                try await group.waitForAll()
            }
            try await Self.expectErased(person, in: house)
            for post in posts { #expect(try await house.happened(post).last == "PostDeleted") }
        }
    }

    /// Asks for a closure and works on it, until it is done or the process dies.
    private static func run(_ process: Auth, closing person: Person) async throws {
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                do {
                    _ = try await process.close(person)
                    try await process.continueClosures()
                } catch {
                    // It is dead. What that has led to is looked at from outside.
                }
            }
        }
    }

    private static func expectErased(_ person: Person, in house: House) async throws {
        let process = house.process()
        let closures = try await process.closures.all(of: person.id)
        #expect(closures.map(\.status) == [.done])
        let shown = try await process.closure(closures.first?.id.lowercased)
        #expect(shown.done == steps)
        #expect(shown.data?["receipt"]?.text != nil)
        #expect(try await house.happened(person.stream) == ["UserRegistered", "UserClosed"])
        #expect(try await !house.hasKey(person))
    }
}
