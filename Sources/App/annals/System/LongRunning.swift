import Logging
import Postgres
import Projections
import Publishing
import ServiceLifecycle

/// A `run()` of ours as a service of the group. A graceful stop cancels it, which is how all of ours end.
struct LongRunning: Service {
    let name: String
    let body: @Sendable () async throws -> Void

    init(_ name: String, _ body: @escaping @Sendable () async throws -> Void) {
        self.name = name
        self.body = body
    }

    /// Keeps pools connected.
    static func pools(_ pools: [ConnectionPool]) -> [any Service] {
        Metrics.show(pools)
        return pools.map { pool in LongRunning("pool") { try await pool.run() } }
    }

    func run() async throws {
        do {
            try await cancelWhenGracefulShutdown { try await body() }
        } catch is CancellationError {
            return
        } catch let error as PostgresError {
            guard case .cancelled = error.kind else { throw error }
        }
    }
}

/// Something to do at a graceful stop, after the services that were started later have stopped.
struct ShutdownHook: Service {
    let body: @Sendable () async -> Void

    func run() async throws {
        do {
            try await gracefulShutdown()
        } catch is CancellationError {
            // Not a graceful stop: the process ends at once.
            return
        }
        await body()
    }
}

/// An HTTP server that starts to listen when what it needs is there.
struct PreparedServer: Service {
    let server: any Service
    /// Returns when everything is there, or when waiting longer is pointless; `/ready` then says what is missing.
    let prepare: @Sendable () async throws -> Void

    func run() async throws {
        do {
            try await cancelWhenGracefulShutdown(prepare)
        } catch is CancellationError {
            return
        }
        try await server.run()
    }
}

/// Rebuilds, after the start and if the settings say so, the read models whose folder has changed since their tables were made.
struct StaleReadModels: Service {
    let isRebuilding: Bool
    let folder: String
    let read: ConnectionPool
    let maintenance: Maintenance
    let logger: Logger

    func run() async throws {
        do {
            try await cancelWhenGracefulShutdown {
                if isRebuilding {
                    let models = try ReadModel.loadAll(root: folder, catalog: .annals)
                    try await StaleRebuilds(of: models, maintenance, pool: read, logger: logger).run()
                }
                // A service that returns would end the others.
                while true { try await Task.sleep(for: .seconds(86_400)) }
            }
        } catch is CancellationError {
            return
        }
    }
}
