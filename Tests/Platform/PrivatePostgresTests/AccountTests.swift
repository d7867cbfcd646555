import Foundation
import Postgres
import PrivatePostgres
import TestSupport
import Testing

@Suite(.serialized, .timeLimit(.minutes(15))) struct `The accounts of the machine and a private server` {
    @Test func `its own user comes in, by the kernel's word for it`() async throws {
        try await withFolder { folder in
            try await withServer("\(folder)/pg") { server in
                let target = try #require(server.target(database: "postgres"))
                try await ConnectionPool.withPool(target, limits: .patient, logger: TestCluster.logger) { pool in
                    // Services that run apart log in by passwords; the superuser never does.
                    let rules = Statement(
                        "rules",
                        "SELECT string_agg(DISTINCT user_name[1] || ' ' || auth_method, ', ' ORDER BY user_name[1] || ' ' || auth_method)"
                            + " FROM pg_hba_file_rules")
                    try await #expect(pool.query(rules)[0].get(0) == "all scram-sha-256, postgres peer")
                }
            }
        }
    }

    @Test(.enabled(if: geteuid() == 0, "taking another account takes root"))
    func `the account that it runs as does not, though it may enter the socket's folder`() async throws {
        try await withFolder { folder in
            try await withServer("\(folder)/pg") { server in
                let location = try #require(PrivateServer.locate(directory: "\(folder)/pg"))
                let owner = try #require(try FileManager.default.attributesOfItem(atPath: location.socketFolder)[.ownerAccountID] as? Int)
                #expect(owner != 0)
                let command = ["psql", "-h", location.socketFolder, "-U", "postgres", "-c", "SELECT 1", "postgres"]
                let (end, _, said) = try await ChildProgram.run(
                    ["/usr/bin/setpriv", "--reuid=\(owner)", "--clear-groups"] + command, directory: "/")
                #expect(end != .exit(0))
                #expect(said.contains("Peer authentication failed"), "\(said)")
            }
        }
    }

    @Test(.enabled(if: geteuid() == 0, "giving data away takes root")) func `data of an account that root would not run a server as are refused`()
        async throws
    {
        try await withFolder { folder in
            try await withServer("\(folder)/pg") { _ in }
            chown("\(folder)/pg/data", 12_345, 12_345)
            let server = PrivateServer(directory: "\(folder)/pg", durability: .throwaway, logger: TestCluster.logger)
            await #expect(throws: PrivateServerError.foreignData(path: "\(folder)/pg/data", owner: "the user 12345")) { try await server.start() }
        }
    }
}
