import EventLog
import EventSourcing
import Logging
import Postgres
import Publishing
import Vault

extension Operation {
    /// The keyed hash of the log's claims and kept ids.
    func systemHasher() async throws -> SystemHasher {
        let secrets = try Secrets.read(settings, from: directory, logger: logger)
        return try await withPool("vault", databases.vault.acting(as: "annals_commands")) {
            try await SystemHasher.open($0, masterKey: secrets.masterKey)
        }
    }

    /// The log with the command service's right to append, for commands of the operator. It has no vault, since
    /// they neither write nor read anything personal.
    func withCommandLog(_ body: @Sendable @escaping (PostgresEventStore) async throws -> Void) async throws {
        let hasher = try await systemHasher()
        do {
            try await withPool("log", databases.log.acting(as: "annals_commands")) { pool in
                let head = HeadWatch(pool, direct: nil, logger: logger)
                let log = PostgresEventStore(pool, head: head, vault: nil, hasher: hasher, catalog: .publishing, logger: logger)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await log.run() }
                    group.addTask { try await body(log) }
                    defer { group.cancelAll() }
                    // If the log can't go on, the command ends too.
                    try await group.next()
                }
            }
        } catch let error as EventStoreError {
            throw Failure(error.line)
        }
    }
}
