import Logging
import Postgres
import Projections
import Publishing
import ServiceLifecycle

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
                    let models = try ReadModel.loadAll(root: folder, catalog: .publishing)
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
