import EventLog
import EventSourcing
import Logging
import Postgres
import Publishing
import Vault

extension Operation {
    /// The log with the rights of a projector: all of it and the keys that open it, but no right to append. With `isWoken`, `body` may wait for
    /// events.
    func withLog<Value: Sendable>(
        _ form: EventForm = .opened, isWoken: Bool = false, _ body: @Sendable @escaping (PostgresEventStore) async throws -> Value
    ) async throws -> Value {
        switch form {
        case .stored: return try await withLog(form, vault: nil, isWoken: isWoken, body)
        case .opened:
            let masterKey = try Secrets.read(settings, from: directory, logger: logger).masterKey
            return try await withPool("vault", databases.vault.acting(as: "annals_projector")) { pool in
                try await withLog(form, vault: KeyVault(pool, masterKey: masterKey), isWoken: isWoken, body)
            }
        }
    }

    /// The same for a command that shows events: trouble with the log becomes one line.
    func readLog(_ form: EventForm, isWoken: Bool = false, _ body: @Sendable @escaping (PostgresEventStore) async throws -> Void) async throws {
        do {
            try await withLog(form, isWoken: isWoken, body)
        } catch let error as EventStoreError {
            throw Failure(error.line)
        } catch let error as VaultError {
            throw Failure("\(error)")
        } catch let unknown as UnknownEvent {
            throw Failure(
                "this program does not know \(unknown.type) in version \(unknown.version): a newer one wrote it; --sealed shows it as it is stored")
        }
    }

    private func withLog<Value: Sendable>(
        _ form: EventForm, vault: KeyVault?, isWoken: Bool, _ body: @Sendable @escaping (PostgresEventStore) async throws -> Value
    ) async throws -> Value {
        try await withPool("log", databases.log.acting(as: "annals_projector")) { pool in
            let head = HeadWatch(pool, direct: databases.logDirect?.acting(as: "annals_projector"), logger: logger)
            let log = PostgresEventStore(pool, head: head, vault: vault, hasher: nil, catalog: .publishing, form: form, logger: logger)
            return try await withThrowingTaskGroup(of: Value?.self) { group in
                if isWoken {
                    group.addTask {
                        try await head.run()
                        return nil
                    }
                }
                group.addTask { try await body(log) }
                defer { group.cancelAll() }
                // If the watch can't go on, the command ends too.
                guard let value = try await group.next() ?? nil else { throw CancellationError() }
                return value
            }
        }
    }
}

extension EventStoreError {
    var line: String {
        switch self {
        case .unavailable(let reason): "the log can't be read: \(reason)"
        case .refused(let statement, let reason): "a database refuses \(statement): \(reason)"
        case .outcomeUnknown: "it is unknown whether the log has taken the append"
        case .subjectUnknown(let subject): "the vault has no key for \(subject.lowercased)"
        case .rewritten(let position): "the log no longer holds event \(position): it was restored to an older state, or is another log"
        case .broken(let reason): "the log is broken: \(reason)"
        }
    }
}
