import EventLog
import EventRelay
import EventSourcing
import Gateway
import HTTPContract
import Logging
import Postgres
import Processes
import Publishing
import PublishingAPI
import RabbitMQ
import Redis
import RelayService
import ServiceLifecycle
import Vault
import WebhookDelivery

/// The relay with what it depends on: the log, which it reads and where its own schema is, the vault, where it reads keys, and the services that its
/// processes ask.
struct RelayComponent {
    /// As `annals_relay`.
    struct Databases {
        let log, vault: ConnectionTarget
        let logDirect: ConnectionTarget?
    }

    let responder: ServiceResponder
    let readiness: Readiness
    let processes: ProcessCensus
    let pendingDeliveries: PendingDeliveries
    private(set) var runs: [any Service]

    init(
        _ databases: Databases, _ secrets: RelaySecrets, commands: any Upstream, auth: any Upstream, queries: any Upstream, head: HeadWatch,
        tokens: TokenChecks, redis: RedisClient?, settings: RelaySettings, limits: PoolLimits, logger: Logger
    ) throws {
        let pools = (
            log: ConnectionPool(databases.log, limits: limits.sharing(2), logger: logger),
            vault: ConnectionPool(databases.vault, limits: limits.sharing(1), logger: logger)
        )
        let keys = KeyVault(pools.vault, masterKey: secrets.masterKey)
        let opened = PostgresEventStore(pools.log, head: head, vault: keys, hasher: nil, catalog: .annals, logger: logger)
        let sealed = PostgresEventStore(pools.log, head: head, vault: nil, hasher: nil, catalog: .annals, form: .stored, logger: logger)
        let outgoing = settings.isOpen ? opened : sealed
        let webhooks = WebhookSettings(
            texts: outgoing, catalog: .annals, secrets: keys,
            addresses: ReachableAddresses(allowing: settings.webhookNetworks))
        let streams = settings.sendsToRedis ? redis.map { RedisStreams($0, catalog: .annals) } : nil
        let exchange = settings.rabbitMQ.map {
            RabbitMQExchange(RabbitMQPublisher($0, exchange: settings.exchange, window: settings.window, logger: logger))
        }
        let sinks: [(any EventSink)?] = [streams, exchange]
        let relay = Relay(
            log: opened, pool: pools.log, webhooks: webhooks,
            forwarders: sinks.compactMap(\.self).map {
                EventForwarder(to: $0, log: outgoing, catalog: .annals, start: settings.start, pool: pools.log, logger: logger)
            },
            processes: ProcessMeans(
                commands: ServiceClient(secrets.identity, audience: .commands, upstream: commands),
                auth: ServiceClient(secrets.identity, audience: .auth, upstream: auth),
                queries: ServiceClient(secrets.identity, audience: .queries, upstream: queries),
                posts: { try await sealed.posts(by: $0, in: $1) }, logger: logger),
            verifier: tokens.verifier, services: secrets.services, logger: logger)
        responder = relay.responder
        readiness = Readiness(
            checks: [
                Readiness.Check("log") {
                    _ = try await opened.head()
                    try await pools.log.confirmWrites()
                },
                Readiness.Check("vault") { try await pools.vault.query(.isAlive) },
                // Requests are served without it.
                Readiness.Check("subscribers", isRequired: false) { try relay.confirmRunning() },
            ], stuck: { try await relay.stuckProcesses().mapValues { $0.map(\.lowercased) } }, logger: logger)
        processes = relay.processes
        pendingDeliveries = relay.pendingDeliveries
        runs =
            LongRunning.pools([pools.log, pools.vault]) + [
                ShutdownHook { await relay.release() },
                LongRunning("keys") { try await keys.followDestructions(logger: logger) },
                LongRunning("relay") { try await relay.run() },
            ]
        if let exchange { runs.append(LongRunning("rabbitmq") { try await exchange.run() }) }
        if let streams {
            let trimming = StreamTrimming(streams, log: sealed, age: settings.keeps, logger: logger)
            runs.append(LongRunning("trimming") { try await trimming.run() })
        }
    }
}
