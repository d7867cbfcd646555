import Gateway
import HTTPContract
import Logging
import Postgres
import Projections
import PublishingAPI
import QueryService
import ServiceLifecycle

/// The query service with what it depends on: the read database, which it may only read, and the command service, which records views.
struct QueriesComponent {
    /// As `annals_queries`.
    struct Databases {
        let read, readDirect: ConnectionTarget
    }

    let responder: ServiceResponder
    let readiness: Readiness
    let positions: ReadModelPositions
    let runs: [any Service]

    init(
        _ databases: Databases, _ secrets: QueriesSecrets, commands: any Upstream, tokens: TokenChecks, keptAnswers: Int?,
        limits: PoolLimits, logger: Logger
    ) {
        let pools = ReadPools { ConnectionPool(databases.read, limits: limits.sharing($0), logger: logger) }
        positions = ReadModelPositions(pools.shared, listeningOn: databases.readDirect, logger: logger)
        let queries = Queries(
            read: pools, positions: positions, commands: ServiceClient(secrets.identity, audience: .commands, upstream: commands),
            verifier: tokens.verifier, services: secrets.services, cursorKey: secrets.cursorKey,
            // Several servers may be at the same position and differ for a moment: a standby hears of a swap later.
            cacheBytes: databases.read.namesSeveralHosts ? nil : keptAnswers, logger: logger)
        Metrics.show(queries)
        responder = queries.responder
        readiness = Readiness(
            checks: [Readiness.Check("read") { try await pools.shared.query(.isAlive) }],
            progress: {
                // Asked anew: at a start the last poll may be from before the leases were taken.
                let models = try await ReadModelStatus.readAll(from: pools.shared)
                return Readiness.Progress(
                    projections: models.map { .init(name: $0.model, position: $0.position, state: $0.state.rawValue, parked: $0.parkedStreams) })
            }, logger: logger)
        let lag = ServerAge.replicationLag(pools.shared, logger: logger)
        Metrics.show(replicationLag: lag)
        runs = LongRunning.pools(pools.all) + [queries, LongRunning("replication lag") { try await lag.run() }]
    }

    /// Returns when the read models are there, or when waiting longer is pointless.
    func prepare() async throws { _ = try await positions.wait(for: 0, models: Queries.models, timeout: .seconds(30)) }
}
