import AccessTokens
import EventLog
import Gateway
import HTTPContract
import Logging
import Postgres
import PublishingAPI
import Redis
import ServiceLifecycle
import Telemetry
import Upstreams

/// One process: the components that it runs, put together. `annals up` runs all of them, `annals serve` those that are named.
///
/// Read `run()` from top to bottom to see what depends on what, and each component to see which databases and secrets it has.
struct ServiceProcess {
    let components: Set<Component>
    /// Whether other processes call the services of this one, so that each listens.
    let isServing: Bool
    let settings: Settings
    let installation: Installation
    let keys: KeyFiles
    let databases: ServiceDatabases
    let stop: StopSignals
    let logger: Logger

    /// Runs until it is told to stop. Says one line when it is ready, or for each service when it serves.
    func run() async throws {
        let limits = settings.pools
        let drain = Drain()
        var connections = settings.gateway.connections
        connections.drain = drain
        let redis = try redisClient()
        let discovery = try settings.services.discovery(for: components, redis, logger: logger)
        let upstreams = ServiceUpstreams(own: components.compactMap(\.service), clusters: clusters(found: discovery))
        let tokens = try callers.first.map { caller in
            TokenChecks(auth: ServiceClient(try keys.identity(caller), audience: .auth, upstream: upstreams[.auth]), logger: logger)
        }
        let head = try LogHead(components, databases, limits: limits, logger: logger)

        var projector: ProjectorComponent?
        if components.contains(.projector), let head {
            projector = try ProjectorComponent(
                .init(databases), ProjectorSecrets(keys), folder: installation.projections, rebuildsStale: settings.rebuildsStale, head: head.watch,
                limits: limits, logger: logger)
        }
        var commands: CommandsComponent?
        if components.contains(.commands), let head, let tokens {
            commands = try await CommandsComponent(
                .init(databases), CommandsSecrets(keys), head: head.watch, tokens: tokens, webhookNetworks: settings.relay.webhookNetworks,
                limits: limits, logger: logger)
        }
        var queries: QueriesComponent?
        if components.contains(.queries), let tokens {
            queries = try QueriesComponent(
                .init(databases), QueriesSecrets(keys), commands: upstreams[.commands], tokens: tokens,
                keptAnswers: settings.keptAnswers, limits: limits, logger: logger)
        }
        var auth: AuthComponent?
        if components.contains(.auth), let head, let tokens {
            auth = try await AuthComponent(
                .init(databases), AuthSecrets(keys), commands: upstreams[.commands],
                openedKeys: [commands?.openedKeys, projector?.openedKeys].compactMap(\.self), head: head.watch, tokens: tokens,
                settings: settings.auth,
                limits: limits, logger: logger)
        }
        var relay: RelayComponent?
        if components.contains(.relay), let head, let tokens {
            relay = try RelayComponent(
                .init(databases), RelaySecrets(keys), commands: upstreams[.commands], auth: upstreams[.auth], queries: upstreams[.queries],
                head: head.watch, tokens: tokens, redis: redis, settings: settings.relay, limits: limits, logger: logger)
        }
        Metrics.show(upstreams.clusters.values)
        if let commands {
            Metrics.show(commands.log)
            upstreams.add(.commands, commands.responder)
        }
        if let queries { upstreams.add(.queries, queries.responder) }
        if let auth { upstreams.add(.auth, auth.responder) }
        if let relay {
            Metrics.show(relay.processes)
            Metrics.show(relay.pendingDeliveries)
            upstreams.add(.relay, relay.responder)
        }

        let local: [Component: Readiness] = [
            .projector: projector?.readiness, .commands: commands?.readiness, .queries: queries?.readiness, .auth: auth?.readiness,
            .relay: relay?.readiness,
        ].compactMapValues(\.self)
        var gateway: GatewayComponent?
        if components.contains(.gateway), let tokens {
            let identity = try GatewaySecrets(keys).identity
            func reach(_ name: ServiceName, _ own: ServiceResponder?) -> any Upstream {
                own ?? ForwardingUpstream(upstreams[name], isSecure: settings.tls != nil) { try identity.token(to: name) }
            }
            func part(_ component: Component) -> Readiness.Part? {
                if let readiness = local[component] { return Readiness.Part(component.rawValue) { try await readiness.report() } }
                guard let service = component.service else { return .asking(projectors: settings.services.projectors) }
                return .asking(ServiceClient(identity, audience: service, upstream: upstreams[service]), service)
            }
            gateway = GatewayComponent(
                auth: reach(.auth, auth?.responder), commands: reach(.commands, commands?.responder), queries: reach(.queries, queries?.responder),
                relay: reach(.relay, relay?.responder), parts: [.commands, .queries, .auth, .projector, .relay].compactMap(part),
                pages: try Pages(root: installation.root), tokens: tokens, settings: try gatewaySettings(connections),
                limits: RateLimits(settings.rateLimits, shared: redis.map { SharedLimits($0, settings.sharedLimits, logger: logger) }),
                upstreams: { [clusters = upstreams.clusters] in clusters.values.map { Readiness.Upstream($0.state) } }, logger: logger)
        }

        // Started in this order and stopped in reverse: the servers first, the pools last.
        var runs: [any Service] = metricsServer
        if let exporter = Traces.begin(settings, components, logger) { runs.append(TraceExport(exporter: exporter)) }
        if let redis { runs.append(LongRunning("redis") { try await redis.run() }) }
        if !upstreams.clusters.isEmpty { runs.append(LongRunning("discovery") { try await discovery.run() }) }
        runs += upstreams.clusters.values.map { cluster in LongRunning("upstream") { try await cluster.run() } }
        runs += head?.runs ?? []
        for component in [commands?.runs, projector?.runs, auth?.runs, queries?.runs, relay?.runs] { runs += component ?? [] }
        if let tokens {
            runs.append(
                LongRunning("revocations") {
                    try await upstreams.find([.auth])
                    try await tokens.follower.run()
                })
        }
        if isServing {
            for (component, readiness) in local.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
                let responder =
                    [.commands: commands?.responder, .queries: queries?.responder, .auth: auth?.responder, .relay: relay?.responder][
                        component] ?? nil
                let server = ServiceServer(
                    component: component, responder: responder, readiness: readiness, host: settings.services.host,
                    port: settings.services[port: component], deadline: settings.gateway.deadline, limits: connections,
                    announce: announcement(of: component, in: redis), logger: logger)
                runs.append(
                    PreparedServer(server: server) { [queries, auth] in
                        switch component {
                        case .queries: try await queries?.prepare()
                        case .auth: try await auth?.prepare()
                        case .commands, .projector, .relay, .gateway: break
                        }
                        try await upstreams.find([.auth])
                        try await tokens?.prepare()
                    })
            }
        }
        if let gateway {
            runs.append(LongRunning("limits") { try await gateway.limits.run() })
            runs.append(
                PreparedServer(server: gateway.gateway) { [queries, auth] in
                    try await queries?.prepare()
                    try await auth?.prepare()
                    if isServing {
                        try await upstreams.find(Component.gateway.calls)
                        try await gateway.prepare()
                    }
                    try await tokens?.prepare()
                })
        }
        // Stopped first of all.
        runs.append(
            ShutdownHook { [settings] in
                drain.begin()
                // Cut short only by the end of the process.
                if isServing { try? await Task.sleep(for: settings.drain) }
                await drain.stopAccepting()
            })
        var group = ServiceGroupConfiguration(services: runs, logger: logger)
        // Then what still runs is cancelled; pools close over queries in flight after a second. A process that drains may finish what it has begun.
        group.maximumGracefulShutdownDuration = settings.drainTimeout + (isServing ? settings.drain : .zero)
        try await stop.run(ServiceGroup(configuration: group))
    }

    /// The services of this process that call others.
    private var callers: [ServiceName] { ServiceName.allCases.filter { name in components.contains { $0.service == name } } }

    /// The services of other processes that those of this one call.
    private func clusters(found discovery: ConfiguredDiscovery) -> [ServiceName: UpstreamCluster] {
        let called = components.reduce(into: Set<ServiceName>()) { $0.formUnion($1.calls) }.subtracting(components.compactMap(\.service))
        return Dictionary(
            uniqueKeysWithValues: called.map {
                ($0, UpstreamCluster(service: $0, discovery: discovery, settings: settings.upstreams, logger: logger))
            })
    }

    private func redisClient() throws -> RedisClient? {
        try settings.redisURL.map { url in
            guard let target = RedisTarget(url) else { throw Failure("ANNALS_REDIS_URL takes a redis or unix URL, without TLS", code: .wrongUse) }
            return RedisClient(target, logger: logger)
        }
    }

    /// Registers a service of this process in Redis, where others look for it there.
    private func announcement(of component: Component, in redis: RedisClient?) -> (@Sendable (_ port: Int) async throws -> Void)? {
        guard let redis, let name = component.service, settings.services.locations[name] == .redis else { return nil }
        let registry = ServiceRegistry(redis, following: [], logger: logger)
        let host = settings.services.advertisedHost ?? settings.services.host
        return { port in try await registry.announce(name, at: Instance(host: host, port: port)) }
    }

    /// Each service's process has the port after the one before it, so that all can stand on one machine.
    private var metricsServer: [any Service] {
        guard let port = settings.metricsPort else { return [] }
        let place = isServing ? Component.allCases.firstIndex(where: components.contains) ?? 0 : 0
        let server = MetricsServer(Metrics.registry, host: settings.services.host, port: port == 0 ? 0 : port + place, logger: logger)
        return [LongRunning("metrics") { try await server.run() }]
    }

    private func gatewaySettings(_ connections: ConnectionLimits) throws -> GatewaySettings {
        var gateway = settings.gateway
        gateway.connections = connections
        gateway.certificates = try settings.certificates(logger)
        gateway.host = settings.host
        gateway.port = settings.port
        gateway.onListening = { [settings, isServing] port in
            printLine(
                isServing
                    ? "gateway is ready at \(settings.address(port: port))"
                    : "Annals is ready at \(settings.address(port: port)) (data in \(settings.dataDirectory))")
        }
        return gateway
    }
}

extension Settings {
    /// The gateway's certificate, if it has one. Throws a `Failure` for files that can't be used.
    func certificates(_ logger: Logger) throws -> CertificateFiles? {
        try tls.map { files in
            do {
                return try CertificateFiles(certificate: files.certificate, key: files.key, logger: logger)
            } catch {
                throw Failure("ANNALS_TLS_CERTIFICATE and ANNALS_TLS_KEY can't be used: \(error) (\(files.certificate), \(files.key))")
            }
        }
    }
}

/// How far the log has grown: one watch for all of a process that read it, with connections of its own.
private struct LogHead {
    let watch: HeadWatch
    let runs: [any Service]

    /// Nil when no component reads the log.
    init?(_ components: Set<Component>, _ databases: ServiceDatabases, limits: PoolLimits, logger: Logger) throws {
        let (target, direct): (ConnectionTarget, ConnectionTarget?)
        if components.contains(.projector) {
            let own = try ProjectorComponent.Databases(databases)
            (target, direct) = (own.log, own.logDirect)
        } else if components.contains(.commands) {
            let own = try CommandsComponent.Databases(databases)
            (target, direct) = (own.log, own.logDirect)
        } else if components.contains(.auth) {
            let own = try AuthComponent.Databases(databases)
            (target, direct) = (own.log, own.logDirect)
        } else if components.contains(.relay) {
            let own = try RelayComponent.Databases(databases)
            (target, direct) = (own.log, own.logDirect)
        } else {
            return nil
        }
        let pool = ConnectionPool(target, limits: limits.sharing(1), logger: logger)
        let watch = HeadWatch(pool, direct: direct, logger: logger)
        self.watch = watch
        runs = LongRunning.pools([pool]) + [LongRunning("head") { try await watch.run() }]
    }
}
