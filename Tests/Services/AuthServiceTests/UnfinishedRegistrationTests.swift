import EventSourcing
import Foundation
import HTTPContract
import HTTPTypes
import JSON
import Postgres
import TestSupport
import Testing

@testable import AuthService

@Suite(.timeLimit(.minutes(5))) struct `A registration that was cut off` {
    @Test func `before it reached the log is undone once no request can be about it`() async throws {
        try await withWorld { world in
            world.peer.fail(.lostOnTheWay)
            #expect(try await world.service().register().code == "UNAVAILABLE")
            #expect(try await world.states() == ["pending"])

            let next = world.service()
            world.clock.advance(by: .seconds(599))
            try await next.finishPendingRegistrations()
            #expect(try await world.states() == ["pending"])
            world.clock.advance(by: .seconds(2))
            try await next.finishPendingRegistrations()
            #expect(try await world.states().isEmpty)

            world.peer.fail(.none)
            #expect(try await next.register().status == .created)
        }
    }

    @Test func `before its activation is finished by the next process`() async throws {
        try await withWorld { world in
            world.peer.fail(.lostOnTheWayBack)
            #expect(try await world.service().register().code == "UNAVAILABLE")
            #expect(try await world.states() == ["pending"])

            let next = world.service()
            #expect(try await next.logIn().status == .unauthorized)
            try await next.finishPendingRegistrations()
            #expect(try await world.states() == ["active"])
            try await next.following { () async throws in
                #expect(try await next.logIn(headers: [.waitForPosition: "1", .prefer: "wait=10"]).status == .ok)
            }
        }
    }

    @Test func `before its activation is finished by the follower, too`() async throws {
        try await withWorld { world in
            world.peer.fail(.lostOnTheWayBack)
            _ = try await world.service().register()
            let next = world.service()
            try await next.following { () async throws in
                #expect(try await next.logIn(headers: [.waitForPosition: "1", .prefer: "wait=10"]).status == .ok)
            }
            #expect(try await world.states() == ["active"])
        }
    }

    @Test func `before its activation is finished by its own repeat`() async throws {
        try await withWorld { world in
            world.peer.fail(.lostOnTheWayBack)
            _ = try await world.service().register(key: "k1")
            world.peer.fail(.none)
            let next = world.service()
            let reply = try await next.register(key: "k1")
            #expect(reply.status == .created)
            #expect(reply.headers[.idempotencyReplayed] == "true")
            #expect(try await world.states() == ["active"])
            #expect(try await next.logIn().status == .ok)
        }
    }

    @Test func `between account and activation is finished, and finishing twice changes nothing`() async throws {
        try await withWorld { world in
            let service = world.service()
            _ = try await service.register()
            try await world.identity.query(.init("as_before_activation", "UPDATE identity.credentials SET state = 'pending'"))
            #expect(try await service.logIn().status == .unauthorized)
            for _ in 1...2 { try await world.service().finishPendingRegistrations() }
            #expect(try await world.states() == ["active"])
            #expect(try await service.logIn().status == .ok)
        }
    }

    @Test(arguments: [Problem.unavailable(), .timeout(), .internalError()])
    func `by an answer that is not final stays pending`(answer: Problem) async throws {
        try await withWorld { world in
            world.peer.fail(.answers(answer))
            let reply = try await world.service().register()
            #expect(reply.status == answer.status)
            #expect(try await world.states() == ["pending"])
        }
    }

    @Test func `and can't be looked up holds up none behind it`() async throws {
        try await withWorld { world async throws in
            world.peer.fail(.lostOnTheWayBack)
            for name in ["ann", "bob", "eve"] {
                _ = try await world.service().register(name)
                world.clock.advance(by: .seconds(1))
            }
            let first = try #require(world.peer.bodies.first?["id"]?.text.flatMap { UUID(lowercase: $0) })
            world.peer.loseSight(of: first)
            await #expect(throws: Problem.self) { try await world.service().finishPendingRegistrations() }
            #expect(try await world.states() == ["pending", "active", "active"])
        }
    }

    @Test func `is finished when the service starts`() async throws {
        try await withWorld { world in
            world.peer.fail(.lostOnTheWayBack)
            _ = try await world.service().register()
            let next = world.service()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await next.run() }
                try await eventually { try await world.states() == ["active"] }
                group.cancelAll()
            }
            #expect(try await world.states() == ["active"])
        }
    }
}
