import EventLog
import EventLogTesting
import EventSourcing
import Foundation
import HTTPContract
import JSON
import Processes
import Publishing
import Testing

@testable import AuthService

@Suite(.timeLimit(.minutes(5))) struct `A closure whose process dies` {
    private static let steps = [
        "release-claim", "close-account", "end-sessions", "delete-posts", "scrub-read-models", "destroy-key", "sign-receipt",
    ]

    /// Before and after each thing that auth and the relay do elsewhere, and so between any two steps.
    @Test func `at any moment is finished by the next, and done once`() async throws {
        try await House.open { house in
            let whole = Life(moments: nil)
            let first = try await house.process().person("user0")
            try await house.posts(2, by: first)
            try await Self.run(house, whole, closing: first)
            try await Self.expectErased(first, in: house)
            // One request, one beginning, five calls and a look for posts, five records.
            #expect(whole.moments == 2 * 13)

            for moments in 0..<whole.moments {
                let person = try await house.process().person("user\(moments + 1)")
                let posts = try await house.posts(2, by: person)
                let life = Life(moments: moments)
                try await Self.run(house, life, closing: person)
                #expect(life.isOver, "it died at moment \(moments)")
                // A client that has no answer asks again.
                #expect(try await house.process().close(person).status == 202, "moment \(moments)")
                try await house.work()
                try await Self.expectErased(person, in: house)
                for post in posts { #expect(try await house.happened(post).filter { $0 == "PostDeleted" }.count == 1) }
            }
        }
    }

    @Test func `goes on soon when its last step had failed many times`() async throws {
        try await House.open { house in
            let person = try await house.process().person("ann")
            house.readTables.isScrubbed = false
            _ = try await house.process().close(person)
            for _ in 1...10 {
                house.clock.advance(by: .seconds(60))
                try await house.work()
            }
            #expect(house.readTables.questions == 10)
            house.readTables.isScrubbed = true
            house.clock.advance(by: .seconds(8))
            try await house.work()
            try await Self.expectErased(person, in: house)
        }
    }

    @Test func `is finished once by many that come at the same time`() async throws {
        try await House.open { house in
            let person = try await house.process().person("ann")
            let posts = try await house.posts(5, by: person)
            try await Self.run(house, Life(moments: 6), closing: person)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<4 { group.addTask { try await house.work() } }
                try await group.waitForAll()
            }
            try await Self.expectErased(person, in: house)
            for post in posts { #expect(try await house.happened(post).last == "PostDeleted") }
        }
    }

    /// Asks for a closure and works on it, until it is done or the processes die.
    private static func run(_ house: House, _ life: Life, closing person: Person) async throws {
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                do {
                    _ = try await house.process(life).close(person)
                    try await house.work(life)
                } catch {
                    // They are dead. What that has led to is looked at from outside.
                }
            }
        }
    }

    private static func expectErased(_ person: Person, in house: House) async throws {
        let process = house.process()
        let requests = try await house.requests(of: person)
        #expect(requests.count == 1)
        let shown = try await process.closure(requests.first?.data["closure"]?.text)
        #expect(shown.data?["status"]?.text == "done" && shown.done == steps)
        #expect(shown.data?["receipt"]?.text != nil)
        #expect(try await house.happened(person.stream) == ["UserRegistered", "UserClosed"])
        let happened = try await house.happened(StreamName(ProcessEvent.category, person.id))
        #expect(happened.filter { $0 == "ProcessStarted" || $0 == "ProcessEnded" }.count == 2)
        #expect(try await !house.hasKey(person))
    }
}
