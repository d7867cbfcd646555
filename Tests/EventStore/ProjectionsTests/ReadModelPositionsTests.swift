import EventSourcing
import FoundationEssentials
import Logging
import Postgres
import Publishing
import TestSupport
import Testing

@testable import Projections

/// Positions that only a notification or a reconnection can move: the next poll is an hour away.
private func listening<T: Sendable>(
    to database: ReadDatabase, at history: History, logger: Logger = .silent,
    _ body: @escaping @Sendable (ReadModelPositions, Projecting) async throws -> T
) async throws -> T {
    try await project(history.store, into: database) { projecting in
        try await projecting.caughtUp()
        var target = database.target
        target.applicationName = "waiting"
        let positions = ReadModelPositions(database.pool, listeningOn: target, pollInterval: .seconds(3600), logger: logger)
        return try await racing {
            try await body(positions, projecting)
        } against: {
            try await positions.run()
        }
    }
}

private let models = ["posts", "trending", "users", "view_counts"]
private let listeners = "FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"

@Suite(.timeLimit(.minutes(15))) struct `Waiting for a read model` {
    @Test func `ends by notification for a thousand at once, over one listening connection`() async throws {
        let history = History()
        try await history.tell(views: 1, of: .number(1))
        try await withReadDatabase { database in
            try await listening(to: database, at: history) { positions, _ in
                #expect(try await positions.wait(for: 1, models: models, timeout: patience))
                try await withThrowingTaskGroup(of: Bool.self) { group in
                    for number in 0..<1000 {
                        group.addTask { try await positions.wait(for: Int64(2 + number % 10), models: models, timeout: patience) }
                    }
                    try await eventually { positions.waiterCount >= 1000 }
                    for _ in 1...10 { try await history.tell(views: 1, of: .number(1)) }
                    for try await isReached in group { #expect(isReached) }
                    #expect(
                        try await database.rows(
                            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'waiting'") == ["(1)"])
                }
                #expect(positions.waiterCount == 0)
                #expect(positions.positions == Dictionary(uniqueKeysWithValues: models.map { ($0, 11) }))
            }
        }
    }

    @Test func `ends also when the listening connection was killed meanwhile`() async throws {
        let history = History()
        try await history.tell(views: 1, of: .number(1))
        try await withReadDatabase { database in
            try await listening(to: database, at: history) { positions, projecting in
                #expect(try await positions.wait(for: 1, models: models, timeout: patience))
                for position in Int64(2)...6 {
                    async let isReached = positions.wait(for: position, models: models, timeout: patience)
                    try await database.run("SELECT pg_terminate_backend(pid) \(listeners)")
                    try await history.tell(views: 1, of: .number(1))
                    #expect(try await isReached)
                }
            }
        }
    }

    @Test func `ends by polling when nothing can be heard`() async throws {
        let history = History()
        try await withReadDatabase { database in
            let deaf = ReadModelPositions(
                database.pool, listeningOn: database.target.database("postgres"), pollInterval: .milliseconds(20), logger: .silent)
            try await racing {
                try await project(history.store, into: database) { projecting in
                    try await history.tell(views: 1, of: .number(1))
                    #expect(try await deaf.wait(for: 1, models: models, timeout: patience))
                }
            } against: {
                try await deaf.run()
            }
        }
    }

    @Test func `ends without success when time is up`() async throws {
        let history = History()
        try await withReadDatabase { database in
            try await listening(to: database, at: history) { positions, _ in
                for timeout in [Duration.milliseconds(1), .zero] {
                    let isReached = try await positions.wait(for: 1, models: models, timeout: timeout)
                    #expect(!isReached)
                }
                #expect(positions.waiterCount == 0)
            }
        }
    }

    @Test func `ends with the task that waits`() async throws {
        let history = History()
        try await withReadDatabase { database in
            try await listening(to: database, at: history) { positions, _ in
                try await withThrowingTaskGroup(of: Bool.self) { group in
                    group.addTask { try await positions.wait(for: 1, models: models, timeout: .seconds(600)) }
                    try await eventually { positions.waiterCount > 0 }
                    group.cancelAll()
                    let result = await group.nextResult()
                    #expect(throws: CancellationError.self) { try result?.get() }
                }
                #expect(positions.waiterCount == 0)
            }
        }
    }

    @Test func `tells how each model stands`() async throws {
        let history = History()
        try await history.tell(views: 1, of: .number(1))
        try await withReadDatabase { database in
            try await listening(to: database, at: history) { positions, projecting in
                let isReached = try await positions.wait(for: 1, models: models, timeout: patience)
                #expect(isReached)
                #expect(positions.statuses.map(\.model) == models)
                #expect(positions.statuses.allSatisfy { $0.position == 1 })
                #expect(positions.statuses.map(\.version) == projecting.group.statuses.map(\.version))
                #expect(positions.statuses.allSatisfy { !$0.isStale && $0.failingAt == nil })
            }
        }
    }
}
