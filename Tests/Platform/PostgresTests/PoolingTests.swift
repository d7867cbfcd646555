import TestSupport
import Testing

@testable import Postgres

@Suite(.timeLimit(.minutes(15))) struct `A connection's session` {
    private func target(_ change: (inout ConnectionTarget) -> Void) throws -> ConnectionTarget {
        var target = try ConnectionTarget(url: "postgres://owner:s3cret@db.example/log")
        change(&target)
        return target
    }

    private func names(_ target: ConnectionTarget) throws -> [SQLValue] {
        try target.setupQueries(statementTimeout: .seconds(30)).compactMap(\.values.first)
    }

    @Test func `takes its timeout, its settings, and its role last`() throws {
        let target = try target {
            $0.role = "annals_auth"
            $0.settings = ["lock_timeout": "1s"]
        }
        #expect(try names(target) == [.text("statement_timeout"), .text("lock_timeout"), .text("role")])
    }

    @Test func `takes no role when that is the login`() throws {
        #expect(try names(target { $0.role = "owner" }) == [.text("statement_timeout")])
    }

    @Test func `is left alone behind a pooler in transaction mode`() throws {
        #expect(try names(target { $0.pooling = .transaction }).isEmpty)
        #expect(try names(target { ($0.pooling, $0.role) = (.transaction, "owner") }).isEmpty)
    }

    @Test func `is refused there when it would need a role or a setting`() throws {
        let needy = [
            try target { ($0.pooling, $0.role) = (.transaction, "annals_auth") },
            try target { ($0.pooling, $0.settings) = (.transaction, ["lock_timeout": "1s"]) },
        ]
        for target in needy {
            let error = #expect(throws: PostgresError.self) { try target.setupQueries(statementTimeout: nil) }
            #expect(error?.kind == .configuration)
        }
    }

    @Test func `by another login does not try the password of the first`() throws {
        let owner = try target { _ in }
        #expect(owner.login("annals_auth").user == "annals_auth")
        #expect(owner.connectKeywords["password"] == "s3cret")
        #expect(owner.login("annals_auth").connectKeywords["password"] == nil)
        #expect(owner.login("owner").connectKeywords["password"] == "s3cret")
    }

    @Test func `prepares nothing by name behind a pooler in transaction mode`() async throws {
        for (pooling, expected) in [(Pooling.session, 1), (.transaction, 0)] {
            try await TestCluster.withDatabase { target in
                var target = target
                target.pooling = pooling
                var limits = PoolLimits.patient
                limits.multiplexedConnections = 1
                try await ConnectionPool.withPool(target, limits: limits, logger: TestCluster.logger) { pool in
                    _ = try await pool.query(Statement("one", "SELECT 1"))
                    let prepared = try await pool.query(
                        Statement("prepared", "SELECT count(*)::int FROM pg_prepared_statements WHERE name LIKE '%one'"))
                    #expect(try prepared[0].get(0, as: Int32.self) == Int32(expected))
                }
            }
        }
    }
}
