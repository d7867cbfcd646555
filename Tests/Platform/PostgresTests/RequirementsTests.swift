import TestSupport
import Testing

@testable import Postgres

/// The roles of the cluster are everybody's, so each test has its own.
@Suite struct `A database that is to be used` {
    private struct Fixture {
        let target: ConnectionTarget
        let requirements: DatabaseRequirements
        let roles: [String]

        func confirm(_ login: String? = nil) async throws {
            var target = target
            if let login { target.user = login }
            try await requirements.confirm(target, logger: TestCluster.logger)
        }

        func run(_ script: String) async throws {
            try await ConnectionPool.withPool(target, logger: TestCluster.logger) { pool in
                try await pool.withSession { try await $0.execute(script: script) }
            }
        }
    }

    private func open(_ body: (Fixture) async throws -> Void) async throws {
        try await TestCluster.withDatabase { target in
            let roles = ["reader", "writer"].map { "\($0)_\(target.database)" }
            let fixture = Fixture(
                target: target, requirements: DatabaseRequirements(name: "log", schema: "books", roles: roles), roles: roles)
            try await body(fixture)
            for role in roles + ["owner_\(target.database)"] {
                try await fixture.run("DO $$ BEGIN DROP OWNED BY \(role); DROP ROLE \(role); EXCEPTION WHEN undefined_object THEN NULL; END $$")
            }
        }
    }

    @Test func `gets the roles that its cluster lacks`() async throws {
        try await open { fixture in
            try await fixture.confirm()
            try await fixture.run("SET ROLE \(fixture.roles[0]); SET ROLE \(fixture.roles[1])")
            try await fixture.confirm()
        }
    }

    @Test func `names what a superuser must run when its login may not make roles`() async throws {
        try await open { fixture in
            let owner = "owner_\(fixture.target.database)"
            try await fixture.run("CREATE ROLE \(owner) LOGIN")
            let fault = try #require(await #expect(throws: DatabaseFault.self) { try await fixture.confirm(owner) })
            #expect(fault.description.contains("may not make the roles \(fixture.roles[0]), \(fixture.roles[1])"))
            #expect(fault.description.contains("CREATE ROLE \(fixture.roles[0]) NOLOGIN"))
            try await fixture.confirm()
            let other = try #require(await #expect(throws: DatabaseFault.self) { try await fixture.confirm(owner) })
            #expect(other.description.contains("may not act as") && other.description.contains("GRANT \(fixture.roles[1]) TO \"\(owner)\""))
            try await fixture.run("GRANT \(fixture.roles[0]), \(fixture.roles[1]) TO \(owner)")
            try await fixture.confirm(owner)
        }
    }

    @Test func `restored without its roles is to be restored again`() async throws {
        try await open { fixture in
            try await fixture.run("CREATE SCHEMA books")
            let fault = try #require(await #expect(throws: DatabaseFault.self) { try await fixture.confirm() })
            #expect(fault.description.contains("have no rights in it") && fault.description.contains("restore the dump"))
            for role in fixture.roles { try await fixture.run("GRANT USAGE ON SCHEMA books TO \(role)") }
            try await fixture.confirm()
        }
    }

    @Test(arguments: ["SQL_ASCII", "LATIN1"]) func `must be in UTF-8`(encoding: String) async throws {
        try await open { fixture in
            let name = "\(fixture.target.database)_other"
            try await fixture.run("CREATE DATABASE \(name) TEMPLATE template0 ENCODING '\(encoding)' LC_COLLATE 'C' LC_CTYPE 'C'")
            let fault = await #expect(throws: DatabaseFault.self) {
                try await fixture.requirements.confirm(fixture.target.database(name), logger: TestCluster.logger)
            }
            #expect(fault?.description.contains("has the encoding \(encoding), not UTF8") == true)
            try await fixture.run("DROP DATABASE \(name)")
        }
    }

    @Test func `has the settings of its sessions on its roles, behind a pooler in transaction mode`() async throws {
        try await open { fixture in
            var target = fixture.target
            target.pooling = .transaction
            for _ in 1...2 { try await fixture.requirements.confirm(target, logger: TestCluster.logger) }
            try await fixture.run(
                "ALTER DATABASE \(target.database) SET default_transaction_isolation = 'serializable'; ALTER ROLE \(fixture.roles[0]) LOGIN")
            var session = target
            session.user = fixture.roles[0]
            try await ConnectionPool.withPool(session, logger: TestCluster.logger) { pool in
                try await #expect(pool.query(Statement("mode", "SELECT current_setting('transaction_isolation')"))[0].get(0) == "read committed")
            }
        }
    }

    @Test func `that is away or not there is told apart`() async throws {
        try await open { fixture in
            let missing = await #expect(throws: DatabaseFault.self) {
                try await fixture.requirements.confirm(fixture.target.database("nowhere"), logger: TestCluster.logger)
            }
            #expect(missing?.description.contains("refuses the connection: ") == true && missing?.description.contains("does not exist") == true)
        }
    }
}
