import EventSourcing
import Foundation
import HTTPTypes
import JSON
import Postgres
import Synchronization
import TestSupport
import Testing

@testable import QueryService

@Suite(.timeLimit(.minutes(5))) struct `A table of a read model that is locked` {
    private let waiting = Statement(
        "waiting", "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")

    @Test func `ends the queries that need it at their deadline, and holds up no other`() async throws {
        try await Newsroom.open(pools: .apart(.seconds(3))) { room in
            let ann = try await room.register("ann")
            let post = try await room.post("Title", by: ann.id).lowercased
            let isEnough = Flag()
            try await room.owner.withTransaction { lock in
                try await lock.execute(script: "LOCK TABLE users.account IN ACCESS EXCLUSIVE MODE")
                try await withThrowingTaskGroup(of: [Reply].self) { group async throws in
                    // So many, again and again, that the connection they share has some waiting all the time.
                    for _ in 1...6 {
                        group.addTask {
                            var replies: [Reply] = []
                            repeat {
                                replies.append(try await room.get("/api/v1/posts/\(post)"))
                            } while !isEnough.isRaised.load(ordering: .relaxed) && !Task.isCancelled
                            return replies
                        }
                    }
                    try await eventually { try await room.owner.query(waiting)[0].get(0, as: Int64.self) >= 1 }
                    // A view needs to know of the post alone, and the counts of views are in tables of their own.
                    #expect(try await room.send(.post, "/api/v1/posts/\(post)/views").status == 202)
                    #expect(try await room.get("/api/v1/posts/\(post)/views?by=hour", as: ann).status == 200)
                    isEnough.isRaised.store(true, ordering: .relaxed)
                    for try await replies in group {
                        #expect(replies.allSatisfy { $0.status == 504 && $0.code == "TIMEOUT" }, "\(replies.map(\.status))")
                    }
                }
            }
            #expect(try await room.get("/api/v1/posts/\(post)").status == 200)
        }
    }
}

private final class Flag: Sendable {
    let isRaised = Atomic(false)
}

@Suite(.timeLimit(.minutes(5))) struct `Queries that share connections` {
    @Test func `are those that name the same tables, as their plans have them`() async throws {
        try await withReadDatabase { target in
            try await ConnectionPool.withPool(target, limits: .patient, logger: TestCluster.logger) { pool in
                try await pool.withSession { session in
                    // Every table of a plan is one that the statement was found to name.
                    for query in `The plan of a query`.queries {
                        try await session.execute(script: "PREPARE \(query.statement.name) AS \(query.statement.sql)")
                        let explained = try await session.query(
                            Statement(
                                "explain_\(query.statement.name)",
                                "EXPLAIN (VERBOSE, FORMAT JSON) EXECUTE \(query.statement.name)(\(query.values))"))
                        let plan = try JSONValue.parse(explained[0].get(0, as: String.self)).elements[0]["Plan"]
                        let read = tables(in: try #require(plan)).filter { !$0.hasPrefix("annals.") }
                        #expect(!read.isEmpty && read.isSubset(of: query.statement.tables.map(String.init)), "\(query.statement.name): \(read)")
                    }
                }
            }
        }
    }

    @Test func `are few kinds, and the pools are as many`() throws {
        let target = try ConnectionTarget(url: "postgres://localhost/none")
        let pools = ReadPools { _ in ConnectionPool(target, logger: TestCluster.logger) }
        #expect(pools.all.count == Set(ReadStatements.all.map(\.tables)).count + 1)
        for one in ReadStatements.all {
            for other in ReadStatements.all { #expect((pools[one] === pools[other]) == (one.tables == other.tables)) }
        }
    }

    private func tables(in plan: JSONValue) -> Set<String> {
        let own: Set<String> =
            if let schema = plan["Schema"]?.text, let name = plan["Relation Name"]?.text { ["\(schema).\(name)"] } else { [] }
        return (plan["Plans"]?.elements ?? []).reduce(into: own) { $0.formUnion(tables(in: $1)) }
    }
}
