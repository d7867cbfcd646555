import EventSourcing
import Foundation
import HTTPContract
import HTTPTypes
import JSON
import Postgres
import TestSupport
import Testing

@testable import AuthService

@Suite(.timeLimit(.minutes(5))) struct `The account follower` {
    @Test func `keeps role, status and position`() async throws {
        try await withAnn { world, service, ann in
            world.log.write("UserRoleChanged", to: ann, ["role": .string("admin")])
            try await service.catchUp(to: 2)
            #expect(try await world.account(ann.id) == "admin active 2")
            world.log.write("UserDeactivated", to: ann)
            try await service.catchUp(to: 3)
            #expect(try await world.account(ann.id) == "admin deactivated 3")
            world.log.write("UserReactivated", to: ann)
            try await service.catchUp(to: 4)
            #expect(try await world.account(ann.id) == "admin active 4")
        }
    }

    @Test func `learns of users whom another process registered`() async throws {
        try await withWorld { world in
            let id = UUID.v7()
            world.log.write("UserRegistered", to: StreamName("user", id), ["username": .null, "email": .null, "role": .string("user")])
            try await world.service().catchUp(to: 1)
            #expect(try await world.account(id) == "user active 1")
        }
    }

    @Test func `asks for the claims of a page at once`() async throws {
        try await withWorld { world in
            for _ in 0..<200 {
                world.log.write("UserRegistered", to: StreamName("user", .v7()), ["username": .null, "email": .null, "role": .string("user")])
            }
            try await world.service().catchUp(to: 200)
            #expect(world.peer.claimReads == 1)
            #expect(try await world.count("accounts") == 200)
        }
    }

    @Test func `passes over what is not about accounts`() async throws {
        try await withAnn { world, service, ann in
            world.log.write("UserProfileChanged", to: ann, ["bio": .null])
            world.log.write("PostViewed", to: StreamName("views", .v7()), ["count": .integer(3)])
            world.log.write("UserRoleChanged", to: StreamName("admins", ann.id), ["role": .string("admin")])
            try await service.catchUp(to: 4)
            #expect(try await world.account(ann.id) == "user active 1")
        }
    }

    @Test func `forgets email, password and sessions of a closed account`() async throws {
        try await withAnn { world, service, ann in
            let token = try #require(try await service.logIn().data?["refreshToken"]?.text)
            world.peer.change(ann.id) { $0.status = "closed" }
            world.log.write("UserClosed", to: ann)
            try await service.catchUp(to: 2)
            #expect(try await world.account(ann.id) == "user closed 2")
            let row = try #require(try await world.identity.query(.init("email", "SELECT email_hash FROM identity.accounts")).first)
            #expect(row.isNull(0))
            #expect(try await world.count("credentials") == 0)
            #expect(try await service.refresh(token).status == .unauthorized)
        }
    }

    @Test func `lets a freed email go to another account`() async throws {
        try await withAnn { world, service, ann in
            world.peer.change(ann.id) { $0.email = "other@example.org" }
            let taken = try await service.register("bob", email: "ann@example.org", password: "the password of bob")
            #expect(taken.status == .created)
            // The follower has not seen the change of ann's yet: the newer holder counts.
            #expect(try await service.logIn("ann@example.org", password: "the password of bob").status == .ok)
            #expect(try await service.logIn("ann@example.org").status == .unauthorized)
        }
    }

    @Test func `goes on where another process stopped`() async throws {
        try await withAnn { world, service, ann in
            try await service.catchUp(to: 1)
            world.log.write("UserRoleChanged", to: ann, ["role": .string("admin")])
            let next = world.service()
            try await next.catchUp(to: 2)
            #expect(try await world.account(ann.id) == "admin active 2")
        }
    }

    @Test func `never takes an account back`() async throws {
        try await withAnn { world, service, ann in
            world.log.write("UserDeactivated", to: ann)
            try await service.catchUp(to: 2)
            // A repeat of the registration comes late.
            try await Accounts(identity: world.identity).insertRegistered(ann.id, emailHash: [1], position: 1)
            #expect(try await world.account(ann.id) == "user deactivated 2")
        }
    }

    @Test func `writes each page once when several processes follow`() async throws {
        try await withAnn { world, service, ann in
            for turn in 0..<40 { world.log.write(turn.isMultiple(of: 2) ? "UserDeactivated" : "UserReactivated", to: ann) }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<4 { group.addTask { try await world.service().catchUp(to: 41) } }
                try await group.waitForAll()
            }
            #expect(try await world.account(ann.id) == "user active 41")
            #expect(try await world.checkpoint() == 41)
        }
    }

    @Test func `undoes a page when it is not where it believes to be`() async throws {
        try await withAnn { world, service, ann async throws in
            let error = await #expect(throws: PostgresError.self) {
                try await world.identity.atomically([
                    Query(.init("advance", "SELECT identity.advance_checkpoint(7, 8, NULL)")),
                    Query(.init("change", "UPDATE identity.accounts SET role = 'admin'")),
                ])
            }
            #expect(error?.sqlState == .checkpointMoved)
            #expect(error?.failedQuery == 0)
            #expect(try await world.account(ann.id) == "user active 1")
        }
    }

    @Test func `stops when the log was restored to an older state`() async throws {
        try await withAnn { world, service, ann in
            try await service.catchUp(to: 1)
            let other = World(identity: world.identity, owner: world.owner)
            await #expect(throws: EventStoreError.self) { try await other.service().follower.run() }
            other.log.write("UserRegistered", to: ann, ["username": .null, "email": .null, "role": .string("user")])
            await #expect(throws: EventStoreError.self) { try await other.service().follower.run() }
        }
    }

    @Test func `waits for a right that it lacks until somebody gives it`() async throws {
        try await withAnn { world, service, ann in
            try await service.catchUp(to: 1)
            world.log.write("UserRoleChanged", to: ann, ["role": .string("admin")])
            try await world.run("REVOKE UPDATE ON identity.accounts FROM annals_auth")
            let log = SpokenLog()
            let follower = AccountFollower(
                log: world.log, identity: world.identity, currentClaims: { [peer = world.peer] in peer.claims($0, $1) }, logger: log.logger)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await follower.run() }
                group.addTask {
                    #expect(await log.line(with: "the account follower waits")?.contains("42501") == true)
                    try await world.run("GRANT UPDATE ON identity.accounts TO annals_auth")
                    #expect(try await follower.waitFor(2, timeout: .seconds(60)))
                }
                try await group.next()
                group.cancelAll()
            }
            #expect(try await world.account(ann.id) == "admin active 2")
        }
    }

    @Test func `stops at an event that it can't read`() async throws {
        try await withAnn { world, service, ann async throws in
            world.log.write("UserEnlightened", to: ann)
            await #expect(throws: (any Error).self) { try await service.follower.run() }
            #expect(try await world.checkpoint() == 0)
        }
    }

    @Test func `tells who waits too long that it has not come that far`() async throws {
        try await withWorld { world async throws in
            #expect(try await !world.service().follower.waitFor(1, timeout: .zero))
            #expect(try await world.service().follower.waitFor(0, timeout: .zero))
        }
    }

    private func withAnn(_ body: @Sendable @escaping (World, Auth, StreamName) async throws -> Void) async throws {
        try await withWorld { world in
            let service = world.service()
            let id = try #require(try await service.register().data?["id"]?.text.flatMap { UUID(lowercase: $0) })
            try await body(world, service, StreamName("user", id))
        }
    }
}

extension Auth {
    /// Runs the follower until it has applied a position.
    func catchUp(to position: Int64) async throws {
        try await following { () async throws in #expect(try await follower.waitFor(position, timeout: .seconds(60))) }
    }
}

extension World {
    fileprivate func account(_ id: UUID) async throws -> String? {
        let statement = Statement("account", "SELECT role || ' ' || status || ' ' || position FROM identity.accounts WHERE user_id = $1")
        return try await identity.query(statement, [.uuid(id)]).first?.get(0)
    }

    fileprivate func checkpoint() async throws -> Int64? {
        try await identity.query(.init("checkpoint", "SELECT position FROM identity.checkpoint")).first?.get(0)
    }
}
