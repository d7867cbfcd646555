import CoreMetrics
import EventSourcing
import Logging
import Postgres
import Publishing
import TestSupport
import Testing

@testable import Projections

/// Projectors at work on a history, and who waits for them.
struct Projecting: Sendable {
    let store: any EventStore
    let group: ProjectorGroup
    let positions: ReadModelPositions

    /// Returns once every read model has applied the whole log.
    func caughtUp(sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let head = try await store.head()
        let isReached = try await positions.wait(for: head, models: group.models, timeout: patience)
        #expect(isReached, "the read models did not reach \(head): \(group.statuses)", sourceLocation: sourceLocation)
    }
}

/// Runs the projectors of a folder while `body` does. Throws what stops them.
func project<T: Sendable>(
    _ store: any EventStore, into database: ReadDatabase, folder: String = "\(repositoryRoot)/projections",
    metrics: any MetricsFactory = NOOPMetricsHandler.instance, logger: Logger = .silent, _ body: @escaping @Sendable (Projecting) async throws -> T
) async throws -> T {
    let group = try ProjectorGroup(
        folder: folder, target: database.target, pool: database.pool, store: store, catalog: .publishing, metrics: metrics,
        logger: logger)
    let positions = ReadModelPositions(database.pool, listeningOn: database.target, logger: logger)
    let value = try await racing {
        try await body(Projecting(store: store, group: group, positions: positions))
    } against: {
        try await group.run()
    } and: {
        try await positions.run()
    }
    await group.release()
    return value
}

/// Runs `body` with services beside it until it returns; throws the first error of any of them.
func racing<T: Sendable>(
    _ body: @escaping @Sendable () async throws -> T, against service: @escaping @Sendable () async throws -> Void,
    and other: @escaping @Sendable () async throws -> Void = {}
) async throws -> T {
    try await withThrowingTaskGroup(of: T?.self) { tasks in
        tasks.addTask { try await body() }
        for service in [service, other] {
            tasks.addTask {
                try await service()
                return nil
            }
        }
        while let result = try await tasks.next() {
            if let result {
                tasks.cancelAll()
                return result
            }
        }
        throw CancellationError()
    }
}

/// Given a history, the rows of the query once everything is applied.
func rows(_ sql: String, given tell: (History) async throws -> Void) async throws -> [String] {
    let history = History()
    try await tell(history)
    return try await withReadDatabase { database in
        try await project(history.store, into: database) { try await $0.caughtUp() }
        return try await database.rows(sql)
    }
}
