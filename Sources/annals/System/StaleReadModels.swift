import EventSourcing
import Logging
import Projections
import Publishing
import ServiceLifecycle

/// Rebuilds, once after the start, the read models whose folder has changed since their tables were made; only where the settings want that.
struct StaleReadModels: Service {
    let isRebuilding: Bool
    let folder: String
    let positions: ReadModelPositions
    let maintenance: Maintenance
    let logger: Logger

    func run() async throws {
        do {
            try await cancelWhenGracefulShutdown {
                if isRebuilding { try await rebuild() }
                // A service that returns would end the others.
                while true { try await Task.sleep(for: .seconds(86_400)) }
            }
        } catch is CancellationError {
            return
        }
    }

    private func rebuild() async throws {
        let folders = try ReadModel.loadAll(root: folder, catalog: .publishing)
        // Every projector has noted by then which version its folder has.
        _ = try await positions.wait(for: 0, models: folders.map(\.name), timeout: .seconds(60))
        for model in folders where positions.statuses.contains(where: { $0.model == model.name && $0.isStale }) {
            do {
                let report = try await maintenance.rebuild(model)
                logger.notice("rebuilt a stale read model", metadata: ["model": "\(model.name)", "position": "\(report.position)"])
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                // It stays stale, and is served as it was.
                logger.error("a stale read model could not be rebuilt", metadata: ["model": "\(model.name)", "reason": "\(error)"])
            }
        }
    }
}
