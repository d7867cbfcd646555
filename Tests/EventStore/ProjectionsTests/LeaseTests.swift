import EventSourcing
import FoundationEssentials
import Logging
import Postgres
import Publishing
import TestSupport
import Testing

@testable import Projections

private let holders = "SELECT DISTINCT lease_holder FROM annals.checkpoints"
private let expire = "UPDATE annals.checkpoints SET lease_expires_at = now() - interval '1 second' WHERE lease_holder IS NOT NULL"
/// Another process takes every lease, for as long as it takes.
private let usurp = """
    \(ReadDatabase.lengthening);
    UPDATE annals.checkpoints SET lease_token = lease_token + 1, lease_holder = 'other', lease_expires_at = now() + interval '1 hour'
    """

@Suite(.timeLimit(.minutes(15))) struct `The lease of a read model` {
    @Test func `is held by one of two processes, and the other waits`() async throws {
        let history = History()
        try await history.tell(views: 1, of: .number(1))
        try await withReadDatabase { database in
            try await database.lengthenLeases()
            try await project(history.store, into: database) { first in
                try await first.caughtUp()
                let log = SpokenLog()
                try await project(history.store, into: database, logger: log.logger) { second in
                    for _ in second.group.models { _ = await log.line(with: "another process keeps this read model") }
                    try await eventually { second.group.statuses.allSatisfy { $0.state == .waiting } }
                    try await eventually { first.group.statuses.allSatisfy { $0.state == .applying } }
                    #expect(try await database.rows(holders).count == 1)
                    try await history.tell(views: 1, of: .number(1))
                    try await first.caughtUp()
                    try await eventually { second.group.statuses.allSatisfy { $0.state == .waiting } }
                }
            }
        }
    }

    @Test func `passes to the other process when its holder shows no life`() async throws {
        let history = History()
        try await withReadDatabase { database in
            try await project(history.store, into: database) { try await $0.caughtUp() }
            try await database.run(usurp)
            let log = SpokenLog()
            try await project(history.store, into: database, logger: log.logger) { second in
                _ = await log.line(with: "another process keeps this read model")
                try await database.run(expire)
                try await history.tell(views: 1, of: .number(1))
                try await second.caughtUp()
            }
        }
    }

    @Test func `keeps whoever lost it from writing, and is taken back when it is free`() async throws {
        let history = History()
        try await withReadDatabase { database in
            let log = SpokenLog()
            try await project(history.store, into: database, logger: log.logger) { projecting in
                try await history.tell(views: 1, of: .number(1))
                try await projecting.caughtUp()
                let before = try await database.everything()
                try await database.run(usurp)
                try await history.tell(views: 1, of: .number(1))
                for _ in projecting.group.models { _ = await log.line(with: "another process keeps this read model") }
                #expect(try await database.everything() == before)
                #expect(try await database.rows("SELECT DISTINCT position FROM annals.checkpoints") == ["(1)"])
                try await database.run("UPDATE annals.checkpoints SET lease_holder = NULL, lease_expires_at = NULL")
                try await projecting.caughtUp()
                #expect(try await database.rows("SELECT count FROM view_counts.total") == ["(2)"])
            }
        }
    }

    @Test(.timeLimit(.minutes(15))) func `is missed by a projector that has nothing to apply`() async throws {
        let history = History()
        try await history.tell(views: 1, of: .number(1))
        try await withReadDatabase { database in
            let log = SpokenLog()
            try await project(history.store, into: database, logger: log.logger) { projecting in
                try await projecting.caughtUp()
                try await database.run(usurp)
                for _ in projecting.group.models { #expect(await log.line(with: "another process keeps this read model") != nil) }
                try await database.run(expire)
                try await eventually { try await database.rows(holders) != ["(other)"] }
            }
        }
    }

    @Test func `is void when it ends further ahead than it can, as after the clock went back`() async throws {
        let history = History()
        try await withReadDatabase { database in
            try await project(history.store, into: database) { try await $0.caughtUp() }
            try await database.run("UPDATE annals.checkpoints SET lease_holder = 'other', lease_expires_at = now() + interval '1 hour'")
            #expect(try await ReadModelStatus.readAll(from: database.pool).allSatisfy { $0.state == .unattended })
            try await project(history.store, into: database) { projecting in
                try await history.tell(views: 1, of: .number(1))
                try await projecting.caughtUp()
            }
        }
    }

    @Test func `is given back at a stop in peace`() async throws {
        try await withReadDatabase { database in
            let history = History()
            try await project(history.store, into: database) { try await $0.caughtUp() }
            #expect(try await database.rows(holders) == ["()"])
        }
    }

    @Test func `is renewed by its holder alone`() async throws {
        try await withReadDatabase { database in
            let history = History()
            try await project(history.store, into: database) { try await $0.caughtUp() }
            try await database.run(usurp)
            let before = try await database.rows("SELECT lease_expires_at FROM annals.checkpoints")
            try await database.run("SELECT annals.renew_leases('somebody', ARRAY['posts', 'users', 'view_counts'])")
            #expect(try await database.rows("SELECT lease_expires_at FROM annals.checkpoints") == before)
            try await database.run("\(expire); SELECT annals.renew_leases('other', ARRAY['posts'])")
            #expect(try await database.rows("SELECT model FROM annals.checkpoints WHERE lease_expires_at > now()") == ["(posts)"])
        }
    }

    @Test func `never has two holders, however often it changes hands`() async throws {
        let history = History()
        try await withReadDatabase { database in
            try await project(history.store, into: database) { first in
                try await project(history.store, into: database) { second in
                    for _ in 1...10 {
                        for _ in 1...20 { try await history.tell(views: 1, of: .number(1)) }
                        try await database.run(expire)
                    }
                    try await first.caughtUp()
                    try await second.caughtUp()
                }
            }
            #expect(try await database.rows("SELECT count FROM view_counts.total") == ["(200)"])
        }
    }
}
