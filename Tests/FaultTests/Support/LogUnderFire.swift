import AppendLines
import EventLog
import EventLogTesting
import Postgres
import TestSupport

/// A log on a server of its own, with writers in three processes: two stores in this one, as two command services would have, and two processes that
/// can be killed.
struct LogUnderFire: ReadableLog {
    let server: DurableServer
    let stores: [PostgresEventStore]
    let processes: [MortalWriter]
    /// Appends nothing, so it learns of others' appends as another service does.
    let reader: PostgresEventStore

    var writers: [any Writer] { stores + processes }

    static func with(_ body: @escaping @Sendable (LogUnderFire) async throws -> Void) async throws {
        try await DurableServer.with { server in
            try await running(on: server, "first") { first in
                try await running(on: server, "second") { second in
                    try await running(on: server, "reader") { reader in
                        let processes = [try MortalWriter(on: server.log, name: "third"), try MortalWriter(on: server.log, name: "fourth")]
                        let log = LogUnderFire(server: server, stores: [first, second], processes: processes, reader: reader)
                        do {
                            try await body(log)
                        } catch {
                            for process in processes { await process.end() }
                            throw error
                        }
                        for process in processes { await process.end() }
                    }
                }
            }
        }
    }

    static func running(
        on server: DurableServer, _ name: String, _ body: @escaping @Sendable (PostgresEventStore) async throws -> Void
    ) async throws {
        var target = server.log
        target.applicationName = name
        try await PostgresEventStore.running(on: target, Noted.catalog, body)
    }
}
