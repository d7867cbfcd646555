import Postgres
import TestSupport
import Testing

@testable import Vault

@Suite struct `The keys that a vault knows` {
    private func open(_ body: (ConnectionPool) async throws -> Void) async throws {
        try await TestCluster.withDatabase { target in
            _ = try await Migrator(directory: repositoryRoot + "/migrations/vault", logger: TestCluster.logger).migrate(target)
            var target = target
            target.role = "annals_commands"
            try await ConnectionPool.withPool(target, logger: TestCluster.logger) { try await body($0) }
        }
    }

    @Test func `are noted when they are met first, and told from others`() async throws {
        let master = try #require(MasterKey(hexadecimal: MasterKey.generate()))
        try await open { pool in
            #expect(try await KnownKeys.read(pool).isEmpty)
            #expect(try await KnownKeys.confirm(.service, [1, 2, 3], masterKey: master, pool))
            #expect(try await KnownKeys.confirm(.service, [1, 2, 3], masterKey: master, pool))
            #expect(try await !KnownKeys.confirm(.service, [1, 2, 4], masterKey: master, pool))
            _ = try await SystemHasher.open(pool, masterKey: master)
            #expect(try await KnownKeys.read(pool) == [.service, .claims])
            let other = try #require(MasterKey(hexadecimal: MasterKey.generate()))
            await #expect(throws: VaultError.unusableMasterKey) { try await KnownKeys.confirm(.service, [1, 2, 3], masterKey: other, pool) }
        }
    }
}
