import EventLog
import EventLogTesting
import EventRelay
import EventSourcing
import Foundation
import Logging
import Postgres
import Publishing
import TestSupport
import Vault

/// Whether brokers are killed more often than a few times.
let isLongRun = ProcessInfo.processInfo.environment["ANNALS_LONG_TESTS"] == "1"

/// A log with events of two categories, and what sends them on.
struct RelayedLog: Sendable {
    let log: LogUnderTest
    let pool: ConnectionPool
    let author = UUID.v7()

    static func open(_ body: @escaping @Sendable (RelayedLog) async throws -> Void) async throws {
        try await LogUnderTest.open(.publishing) { log in
            try await log.withPool(as: "annals_relay") { pool in
                let relayed = RelayedLog(log: log, pool: pool)
                try await log.vault.createKey(for: relayed.author)
                try await body(relayed)
            }
        }
    }

    /// Drafts posts and counts views: two posts, then a view.
    func append(_ count: Int, content: String = "C") async throws {
        for number in 0..<count {
            let append =
                number % 3 == 2
                ? StreamAppend([ViewRules.encode(.viewed(count: 1))], to: StreamName(ViewRules.category, .v7()), expecting: .none, sealedFor: nil)
                : StreamAppend(
                    [PostRules.encode(.drafted(author: author, title: .known("T"), slug: .known("t"), content: .known(content)))],
                    to: StreamName(PostRules.category, .v7()), expecting: .none, sealedFor: author)
            _ = try await log.store.append(AppendRequest([append], claims: [], command: .unrepeated(), metadata: EventMetadata(command: .v7())))
        }
    }

    /// Sends on until it is so.
    /// - Parameters:
    ///   - store: the log in another form than opened.
    ///   - body: what happens meanwhile; it is over before the first look.
    func forward(
        to sink: any EventSink, of store: (any EventStore)? = nil, start: SinkStart = .beginning,
        maximumBytes: Int = EventForwarder.maximumBytes, logger: Logger = TestCluster.logger,
        while body: @escaping @Sendable (EventForwarder) async throws -> Void = { _ in }, until isSo: @escaping @Sendable () async -> Bool
    ) async throws {
        let forwarder = EventForwarder(
            to: sink, log: store ?? log.store, catalog: .publishing, start: start, pool: pool, maximumBytes: maximumBytes, logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await forwarder.run() }
            group.addTask {
                try await body(forwarder)
                try await eventually { await isSo() }
            }
            defer { group.cancelAll() }
            try await group.next()
        }
        await forwarder.release()
    }

    /// The ids of all events, in order.
    func eventIDs() async throws -> [String] { try await log.store.read(after: 0, limit: 10_000).map(\.id.lowercased) }

    /// How far a sink has come, by its checkpoint; nil before it has begun.
    func checkpoint(of sink: String) async -> Int64? {
        try? await pool.query(.sinkCheckpoint, [.text("sink-\(sink)")]).first?.get(0, as: Int64.self)
    }
}

extension Statement {
    fileprivate static let sinkCheckpoint = Statement(
        "sink_checkpoint", "SELECT position FROM relay.subscribers WHERE name = $1 AND has_begun")
}
