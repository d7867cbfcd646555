import AuthService
import Gateway
import HTTPContract
import Logging
import Postgres
import PublishingAPI
import Upstreams

/// The table of settings. docs/configure.md shows it, and a test holds the page to it.
extension Settings {
    mutating func read(by read: SettingReader) throws {
        var file: String?
        try read(&file, Setting.configFile, .optional(.text("a path"), absent: "none"), for: .all, "A JSON file of settings; not in the file itself.")
        if let file { try read.take(file: file) }

        try read(&dataDirectory, "dataDir", .text("a path"), for: .all, "The folder of keys and the private PostgreSQL; made when missing.")
        try read(
            &backupFolder, "backupFolder", .optional(.text("a path"), absent: "none"), for: .all,
            "The folder of backups. The private PostgreSQL archives its WAL there, from its next start on.")
        try read(
            &root, "root", .optional(.text("a path"), absent: "found by itself"), for: .all, "The folder with `migrations` and `projections`.")
        try read(&logLevel, "logLevel", .word, for: .all, "The least severe level to log.")
        try read(
            &logFormat, "logFormat", .word, for: .all,
            "The lines of the log: `json`, `text`, or `auto` for text on a terminal and JSON elsewhere.")
        try read(
            &accessLogRate, "accessLogRate", .offOr(.number(1...100_000)), for: .all,
            "Requests a second that get a line each at the level `info`; of those beyond, every hundredth does.")
        try readTraces(read)
        try read(
            &drainTimeout, "drainTimeout", .duration(.milliseconds(100)...(.seconds(300))), for: .all,
            "How long requests under way may take after SIGTERM before they are cancelled.")
        try read(
            &metricsPort, "metricsPort", .offOr(.number(0...65_530)), for: .all,
            "The port of `/metrics` on `ANNALS_INTERNAL_HOST`: the gateway's; others served apart have the next. With `off` none are recorded.")
        try readServer(read)
        try readServices(read)
        try readDiscovery(read)
        try readRates(read)
        try readConnections(read)
        try readUpstreams(read)
        try readDatabases(read)
        try readPools(read)
        try read(
            &keptAnswers, "keptAnswers", .offOr(.number(65_536...(1 << 40))), for: [.queries],
            "Bytes of answers that are kept and given again until a read model goes on.")
        try readKeys(read)
        try readSessions(read)
        try readRelay(read)
        try read(
            &relay.webhookNetworks, "webhookNetworks", .list(.addressBlock), for: [.commands, .relay],
            "Networks that webhooks may be delivered to although they are not public; into these by plain HTTP, too.")
        try read(
            &rebuildsStale, "rebuildStale", .flag, for: [.projector], "`true`: read models whose folder has changed are rebuilt after the start.")
    }

    private mutating func readTraces(_ read: SettingReader) throws {
        try read.secret(
            &otlpURL, "otlp.url", .secret("an http or https URL"), absent: "none", for: .all,
            "The collector that spans are sent to, by OTLP over HTTP; without it none are recorded.")
        if let otlpURL, !otlpURL.hasPrefix("http://"), !otlpURL.hasPrefix("https://") {
            throw Failure("ANNALS_OTLP_URL takes an http or https URL", code: .wrongUse)
        }
        try read(
            &traceRatio, "traceRatio", .share, for: .all,
            "The share of traces that is recorded; a caller that sends `traceparent` decides for its own.")
    }

    private mutating func readServer(_ read: SettingReader) throws {
        try read(
            &port, "port", .number(0...65_535), for: .gateway, "The port to listen on; 0 takes a free one, which the ready line names.")
        try read(&host, "host", .text("an address"), for: .gateway, "The address to listen on, where `annals import` also calls the system.")
        var (certificate, key): (String?, String?)
        try read(
            &certificate, "tlsCertificate", .optional(.text("a path"), absent: "none"), for: .gateway,
            "A PEM file: the certificate that the gateway speaks TLS with, and those that lead to its root. Read again when it changes.")
        try read(&key, "tlsKey", .optional(.text("a path"), absent: "none"), for: .gateway, "The PEM file of the certificate's private key.")
        switch (certificate, key) {
        case (nil, nil): break
        case (let certificate?, let key?): tls = TLSFiles(certificate: certificate, key: key)
        case (_, nil), (nil, _): throw Failure("ANNALS_TLS_CERTIFICATE and ANNALS_TLS_KEY: set both of them", code: .wrongUse)
        }
        try read(
            &gateway.proxies, "trustedProxies", .list(.addressBlock), for: .gateway,
            "Your own proxies. `Forwarded` and `X-Forwarded-…` are believed from these only.")
        var (origins, withCredentials): ([String], Bool) = ([], false)
        try read(
            &origins, "corsOrigins", .list(.text("origins such as https://example.org")), for: .gateway,
            "Origins whose pages may call from browsers; or `*` alone.")
        try read(
            &withCredentials, "corsCredentials", .flag, for: .gateway,
            "`true`: pages of these origins may send cookies, which Annals has no use for; never with `*`.")
        gateway.crossOrigin = try CrossOrigin(reading: origins, withCredentials: withCredentials)
        try read(
            &gateway.strictTransportSecurity, "hsts", .offOr(.duration(.seconds(1)...(.seconds(63_072_000)))), for: .gateway,
            "The time for `Strict-Transport-Security`, such as `365d`, subdomains included; only with TLS.")
        try read(
            &gateway.deadline, "deadline", .duration(.milliseconds(10)...(.seconds(3600))), for: .all,
            "A request that takes longer is answered 504.")
        try read(
            &gateway.dashboardDeadline, "dashboardDeadline", .duration(.milliseconds(10)...(.seconds(60))), for: .gateway,
            "A part of a dashboard that takes longer is named as unavailable.")
        try read(
            &gateway.maximumBodyBytes, "maxBody", .number(1024...HTTPLimits.largestBodyBytes), for: .gateway,
            "The largest body in bytes. A post of 200,000 characters fits as UTF-8 (800 kB), and may not as `\\u` escapes."
        )
    }

    private mutating func readServices(_ read: SettingReader) throws {
        try read(
            &services.host, "internalHost", .text("an address"), for: .all,
            "The address that services listen on for other processes.")
        for component in ServiceSettings.listening {
            try read(
                &services[port: component], component.rawValue + ".port", .number(0...65_535), for: [component],
                "The port of `serve \(component.rawValue)`\(component == .projector ? ", for `/health` and `/ready`" : ""); 0 takes a free one.")
        }
        for (name, callers) in [
            (ServiceName.auth, [.gateway, .commands, .queries, .relay]), (.commands, [.gateway, .auth, .queries, .relay]),
            (.queries, [.gateway, .relay]), (.relay, [.gateway]),
        ] as [(ServiceName, [Setting.Service])] {
            try read(
                &services.locations[name], name.rawValue + ".at", .optional(.location, absent: "this machine, at its port"), for: callers,
                "Where the instances of the \(name.rawValue) service are: `host:port` (several with commas), `dns:name:port`, `srv:name` or `redis`.")
        }
        try read(
            &services.projectors, "projector.at", .list(.instance("addresses such as 127.0.0.1:3004")), for: .gateway,
            "Where projectors are, for the gateway's `/ready`, which asks none otherwise: `host:port` (several with commas).")
        try read(
            &drain, "drain", .duration(.zero...(.seconds(600))), for: .all,
            "How long a process of `serve` that was told to stop still answers, while `/ready` sends its callers elsewhere; `0s` stops it at once.")
    }

    private mutating func readDiscovery(_ read: SettingReader) throws {
        let callers: [Setting.Service] = [.gateway, .auth, .commands, .queries, .relay]
        try read.secret(
            &redisURL, "redis.url", .redisURL, absent: "none", for: callers,
            "A Redis in which gateways share their limits and services register.")
        try read(
            &sharedLimits.gateways, "gateways", .number(1...1000), for: .gateway,
            "How many gateways there are, for their limits while Redis is away and has not told.")
        try read(
            &services.dnsServer, "dns.server", .optional(.instance("an address such as 127.0.0.1:8600"), absent: "the machine's"), for: callers,
            "The DNS server, as `host:port`, that is asked for instances.")
        try read(
            &services.advertisedHost, "advertisedHost", .optional(.text("an address"), absent: "the internal host"),
            for: [.auth, .commands, .queries, .relay],
            "The address that a service registers in Redis for others to call.")
    }

    private mutating func readRates(_ read: SettingReader) throws {
        try read(&rateLimits.calls, "rateLimit", .offOr(.rate), for: .gateway, "Calls of one caller in a time.")
        if rateLimits.calls == nil { rateLimits = .off }
        try read(
            &rateLimits.logins, "loginRateLimit", .offOr(.rate), for: .gateway,
            "Logins from one address, and other calls that ask for a password; `off` if the one above is.")
        try read(
            &rateLimits.registrations, "registrationRateLimit", .offOr(.rate), for: .gateway,
            "Registrations from one address, and changes of a profile there that meet a taken name or email; `off` likewise.")
    }

    private mutating func readConnections(_ read: SettingReader) throws {
        let time = SettingForm.duration(.milliseconds(10)...(.seconds(86_400)))
        try read(
            &gateway.connections.idle, "idleTimeout", time, for: .gateway,
            "How long a connection may be idle between two requests; longer than clients and proxies keep theirs.")
        try read(
            &gateway.connections.headers, "headerTimeout", time, for: .gateway, "How long a request's headers may take from their first byte.")
        try read(
            &gateway.connections.bodyGrace, "bodyTimeout", time, for: .gateway,
            "How long a body may take, plus one second for each `ANNALS_BODY_RATE` bytes.")
        try read(&gateway.connections.bodyRate, "bodyRate", .number(1...(1 << 30)), for: .gateway, "The least rate of a body in bytes a second.")
        try read(
            &gateway.connections.send, "sendTimeout", time, for: .gateway, "How long a client may take nothing of a response that waits for it.")
        try read(
            &gateway.connections.connections, "maxConnections", .optional(.number(1...1_000_000), absent: "by descriptors"), for: .gateway,
            "The most client connections at a time; see [limits](#limits).")
        try read(
            &gateway.connections.streams, "maxStreams", .number(1...10_000), for: .gateway,
            "The most requests at a time on one connection of HTTP/2.")
    }

    private mutating func readDatabases(_ read: SettingReader) throws {
        var urls: [String: String] = [:]
        func url(_ name: String, for services: [Setting.Service], absent: String, _ purpose: String) throws {
            try read.secret(&urls[name], name + ".url", .databaseURL, absent: absent, for: services, purpose)
        }
        try url(
            "log", for: [.auth, .commands, .projector, .relay], absent: "private",
            "The database of the log. `up` takes all four or none; a process that `serve` runs, those of its services.")
        try url("read", for: [.queries, .projector], absent: "private", "The database of the read models.")
        try url("identity", for: [.auth], absent: "private", "The database of passwords and sessions.")
        try url("vault", for: [.auth, .commands, .projector, .relay], absent: "private", "The database of the data keys.")
        try url(
            "log.direct", for: [.auth, .commands, .projector, .relay], absent: "the log's",
            "Where LISTEN works if the log's URL is a pooler's; without it, the log is polled behind a pooler in transaction mode.")
        try url(
            "read.direct", for: [.queries, .projector], absent: "the read database's",
            "The same for the read database, and for the projectors; required with `ANNALS_POOLING=transaction`.")
        var pooling = Pooling.session
        try read(&pooling, "pooling", .word, for: .withDatabases, "`transaction` if the four URLs lead through a pooler in transaction mode.")
        try read(
            &databasesMayLack, "databasesMayLack", .list(.word), for: .withDatabases,
            "For tests: what `up` and `migrate` let PostgreSQL have off, although a crash may then take back what was acknowledged.")
        if urls.isEmpty { return }
        databases = DatabaseURLs(
            log: urls["log"], read: urls["read"], identity: urls["identity"], vault: urls["vault"], logDirect: urls["log.direct"],
            readDirect: urls["read.direct"], pooling: pooling)
    }

    private mutating func readPools(_ read: SettingReader) throws {
        // A caller is better told soon that a database is away than kept until its own patience ends.
        pools.acquireTimeout = .seconds(3)
        let time = SettingForm.duration(.milliseconds(10)...(.seconds(86_400)))
        try read(
            &pools.maximumConnections, "poolSize", .number(2...1000), for: .withDatabases,
            "The most connections of one pool; see [databases](#databases-of-your-own).")
        try read(
            &pools.pipelineDepth, "poolPipeline", .number(1...10_000), for: .withDatabases,
            "The most statements under way at once on one shared connection.")
        try read(
            &pools.acquireTimeout, "poolWait", time, for: .withDatabases,
            "How long a request waits for a connection, or for a database to come back.")
        try read(
            &pools.connectTimeout, "connectTimeout", time, for: .withDatabases,
            "How long one attempt to connect to a database may take; each of several hosts has an equal share of it.")
        try read(&pools.idleTimeout, "poolIdleTimeout", time, for: .withDatabases, "A connection to a database that is idle for longer is closed.")
        try read(
            &pools.lifetime, "poolLifetime", time, for: .withDatabases, "The age at which a connection to a database is replaced, give or take 10 %.")
        var ceiling = pools.statementTimeout ?? .seconds(30)
        try read(
            &ceiling, "statementTimeout", .duration(.seconds(1)...(.seconds(3600))), for: .withDatabases,
            "The most that one statement may take at the server, whatever is set there.")
        pools.statementTimeout = ceiling
    }

    private mutating func readKeys(_ read: SettingReader) throws {
        try read(
            &masterKey, "masterKey", .optional(.secret("64 hexadecimal digits"), absent: "none"), for: [.auth, .commands, .projector, .relay],
            "The key that locks the data keys, instead of a file.")
        try read(
            &masterKeyFile, "masterKeyFile", .optional(.text("a path"), absent: "keys/master.key in the data folder"),
            for: [.auth, .commands, .projector, .relay],
            "The file with the master key.")
        guard masterKey == nil || masterKeyFile == nil else {
            throw Failure("ANNALS_MASTER_KEY and ANNALS_MASTER_KEY_FILE: set one of them", code: .wrongUse)
        }
        try read(
            &auditKeyFile, "auditKeyFile", .optional(.text("a path"), absent: "keys/audit.key in the data folder"), for: [.projector],
            "The key that audit checkpoints are signed with. Beside it are the last checkpoint (`….checkpoint`) and the earlier keys (`….retired`).")
        try read(
            &auditOrigin, "auditOrigin", .optional(.text("a name"), absent: "annals- and the beginning of the public key"), for: [.projector],
            "The log's name in checkpoints, such as `example.org/log`. It belongs to the key: set it before the first start.")
    }

    private mutating func readSessions(_ read: SettingReader) throws {
        try read(
            &auth.accessTokenLifetime, "accessTokenLifetime", .duration(.seconds(10)...(.seconds(86_400))), for: [.auth],
            "How long an access token is good for.")
        try read(
            &auth.refreshTokenLifetime, "refreshTokenLifetime", .duration(.seconds(60)...(.seconds(31_536_000))), for: [.auth],
            "How long a refresh token is good for if it is not used.")
        try read(
            &auth.sessionLifetime, "sessionLifetime", .duration(.seconds(60)...(.seconds(31_536_000))), for: [.auth],
            "The longest life of a session, however often it is refreshed.")
        try read(
            &auth.refreshGrace, "refreshGrace", .duration(.zero...(.seconds(60))), for: [.auth],
            "How long a refresh token may be used again after its first use; `0s` for never.")
    }
}

extension SettingForm<String> {
    /// A URL is shown without its password.
    fileprivate static var redisURL: Self { .secret("a Redis URL") }

    /// A URL is shown without its password.
    fileprivate static var databaseURL: Self {
        .secret("a PostgreSQL URL") { url in (try? ConnectionTarget(url: url))?.redacted ?? "<redacted>" }
    }
}

extension SettingForm<Instance> {
    fileprivate static func instance(_ name: String) -> Self {
        Self(name, show: { "\($0)" }) { text throws(Misfit) in
            guard case .fixed(let instances)? = try? ServiceLocation(text, of: ""), let first = instances.first, instances.count == 1 else {
                throw Misfit(text: text)
            }
            return first
        }
    }
}

extension SettingForm<ServiceLocation> {
    fileprivate static var location: Self {
        Self("a place", show: { "\($0)" }) { text throws(Misfit) in
            do { return try ServiceLocation(text, of: "") } catch { throw Misfit(text: text) }
        }
    }
}

extension SettingForm<AddressBlock> {
    fileprivate static var addressBlock: Self {
        Self("IP addresses and blocks such as 10.0.0.0/8", show: { "\($0)" }) { text throws(Misfit) in
            guard let block = AddressBlock(text) else { throw Misfit(text: text) }
            return block
        }
    }
}

extension SettingForm<RateLimit> {
    fileprivate static var rate: Self {
        Self("a rate such as 100/60s", show: { "\($0)" }) { text throws(Misfit) in
            guard let limit = RateLimit(text) else { throw Misfit(text: text) }
            return limit
        }
    }
}

extension CrossOrigin {
    fileprivate init(reading origins: [String], withCredentials: Bool) throws {
        do {
            self = try CrossOrigin(origins: origins, withCredentials: withCredentials)
        } catch {
            switch error {
            case .wildcard: throw Failure("ANNALS_CORS_ORIGINS: * stands alone, and without ANNALS_CORS_CREDENTIALS", code: .wrongUse)
            case .notAnOrigin(let text):
                throw Failure("ANNALS_CORS_ORIGINS takes origins such as https://example.org, separated by commas, not \(text)", code: .wrongUse)
            }
        }
    }
}
