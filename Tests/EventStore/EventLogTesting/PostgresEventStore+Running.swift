import Crypto
package import EventLog
package import EventSourcing
package import Logging
package import Postgres
import TestSupport
import Vault

extension PostgresEventStore {
    /// Runs `body` on a store of events without anything personal, with the command service's rights and all that a process of its own would have.
    /// Throws when a part of the store ends, too: `body` would wait for it for ever.
    package static func running<Value: Sendable>(
        on log: ConnectionTarget, _ catalog: EventCatalog, limits: AppendLimits = AppendLimits(), logger: Logger = TestCluster.logger,
        _ body: @escaping @Sendable (PostgresEventStore) async throws -> Value
    ) async throws -> Value {
        var target = log
        target.role = "annals_commands"
        let pool = ConnectionPool(target, limits: .patient, logger: TestCluster.logger)
        let head = HeadWatch(pool, direct: target, logger: logger)
        // The same key in every process: they compare each other's claims.
        let hasher = SystemHasher(key: SymmetricKey(data: Array(repeating: 7, count: 32)))
        let store = PostgresEventStore(pool, head: head, vault: nil, hasher: hasher, catalog: catalog, limits: limits, logger: logger)
        return try await withThrowingTaskGroup(of: Value?.self) { group in
            for part in [pool.run, head.run, store.run] {
                group.addTask {
                    try await part()
                    return nil
                }
            }
            group.addTask { try await body(store) }
            defer { group.cancelAll() }
            while let ended = try await group.next() { if let value = ended { return value } }
            throw CancellationError()
        }
    }
}
