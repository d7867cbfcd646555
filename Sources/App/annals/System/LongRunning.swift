import Postgres
import ServiceLifecycle

/// A `run()` of ours as a service of the group. A graceful stop cancels it, which is how all of ours end.
struct LongRunning: Service {
    let name: String
    let body: @Sendable () async throws -> Void

    init(_ name: String, _ body: @escaping @Sendable () async throws -> Void) {
        self.name = name
        self.body = body
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
