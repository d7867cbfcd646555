// swift-tools-version: 6.2
import PackageDescription

let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore = Target.Dependency.product(name: "HummingbirdCore", package: "hummingbird")
let hummingbirdTesting = Target.Dependency.product(name: "HummingbirdTesting", package: "hummingbird")
let httpClient = Target.Dependency.product(name: "AsyncHTTPClient", package: "async-http-client")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioEmbedded = Target.Dependency.product(name: "NIOEmbedded", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioHTTP2 = Target.Dependency.product(name: "NIOHTTP2", package: "swift-nio-http2")
let nioHTTPTypes = Target.Dependency.product(name: "NIOHTTPTypes", package: "swift-nio-extras")
let nioHTTPTypesHTTP1 = Target.Dependency.product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras")
let nioHTTPTypesHTTP2 = Target.Dependency.product(name: "NIOHTTPTypesHTTP2", package: "swift-nio-extras")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let nioTLS = Target.Dependency.product(name: "NIOTLS", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let jwt = Target.Dependency.product(name: "JWTKit", package: "jwt-kit")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let signals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let system = Target.Dependency.product(name: "SystemPackage", package: "swift-system")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let coreMetrics = Target.Dependency.product(name: "CoreMetrics", package: "swift-metrics")
let metricsTesting = Target.Dependency.product(name: "MetricsTestKit", package: "swift-metrics")
let tracing = Target.Dependency.product(name: "Tracing", package: "swift-distributed-tracing")
let yaml = Target.Dependency.product(name: "Yams", package: "Yams")
let toml = Target.Dependency.product(name: "TOMLKit", package: "TOMLKit")

/// The layers of `Sources/` in their order: a module depends only on modules of its own layer and of those above it here.
let layers: [(name: String, modules: [Target])] = [
    // Knows nothing of events.
    (
        "Platform",
        [
            .systemLibrary(name: "CLibpq", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
            .systemLibrary(name: "CArgon2", pkgConfig: "libargon2", providers: [.apt(["libargon2-dev"])]),
            .systemLibrary(name: "CHiredis", providers: [.apt(["libhiredis-dev"])]),
            .systemLibrary(name: "CRabbitMQ", pkgConfig: "librabbitmq", providers: [.apt(["librabbitmq-dev"])]),
            .systemLibrary(name: "CCares", pkgConfig: "libcares", providers: [.apt(["libc-ares-dev"])]),
            .target(name: "CLinuxIO"),
            .target(name: "Deadlines"),
            .target(name: "JSON"),
            .target(name: "Postgres", dependencies: ["CLibpq", "CLinuxIO", "Deadlines", coreMetrics, logging]),
            .target(name: "Spans", dependencies: [tracing]),
            .target(
                name: "Telemetry", dependencies: ["JSON", "Spans", coreMetrics, httpClient, logging, nioCore, nioHTTP1, nioPosix, system, tracing]),
            .target(name: "Redis", dependencies: ["CHiredis", crypto, logging, nioCore, nioPosix]),
            .target(name: "RabbitMQ", dependencies: ["CRabbitMQ", logging, nioPosix]),
            .target(name: "PrivatePostgres", dependencies: ["CLibpq", "CLinuxIO", "JSON", "Postgres", logging]),
        ]
    ),
    // Knows no domain: no event type's name, no user, no post.
    (
        "EventStore",
        [
            .target(name: "EventSourcing", dependencies: ["JSON", "Spans"]),
            .target(name: "Vault", dependencies: ["EventSourcing", "JSON", "Postgres", crypto, logging]),
            .target(name: "EventLog", dependencies: ["Deadlines", "EventSourcing", "JSON", "Postgres", "Vault", coreMetrics, logging]),
            .target(name: "Projections", dependencies: ["EventSourcing", "JSON", "Postgres", "Spans", coreMetrics, logging]),
            .target(name: "Subscribers", dependencies: ["EventSourcing", "Postgres", logging]),
            .target(
                name: "Processes", dependencies: ["EventSourcing", "JSON", "Postgres", "Subscribers", coreMetrics, crypto, logging]),
            .target(name: "Audit", dependencies: ["EventSourcing", "JSON", "Postgres", crypto, logging]),
            .target(
                name: "EventRelay",
                dependencies: ["Audit", "EventSourcing", "JSON", "Postgres", "RabbitMQ", "Redis", "Subscribers", coreMetrics, logging]),
        ]
    ),
    // The rules; the HTTP API as data.
    (
        "Publishing",
        [
            .target(name: "Publishing", dependencies: ["EventSourcing", "JSON"]),
            .target(name: "PublishingAPI", dependencies: ["EventSourcing", "JSON", httpTypes]),
        ]
    ),
    // QueryService can't import Publishing, CommandService can't import Postgres: the line between them is a compile error.
    (
        "Services",
        [
            .target(name: "AccessTokens", dependencies: ["EventSourcing", "JSON", "PublishingAPI", crypto, logging]),
            .target(
                name: "HTTPContract",
                dependencies: [
                    "AccessTokens", "Deadlines", "EventSourcing", "JSON", "PublishingAPI", "Spans", hummingbird, httpTypes, nioCore, nioHTTP1,
                    tracing, nioPosix, crypto, coreMetrics, lifecycle, logging,
                ]),
            .target(
                name: "Upstreams",
                dependencies: [
                    "AccessTokens", "Deadlines", "HTTPContract", "EventSourcing", "JSON", "PublishingAPI", "CCares", "Redis", hummingbird,
                    coreMetrics, httpTypes, lifecycle, nioCore, nioHTTP1, nioPosix, logging,
                ]),
            .target(
                name: "WebhookDelivery",
                dependencies: [
                    "Audit", "EventSourcing", "HTTPContract", "JSON", "Postgres", "Publishing", "PublishingAPI", "Subscribers", hummingbird,
                    httpClient, httpTypes, nioCore, nioHTTP1, nioPosix, crypto, coreMetrics, logging,
                ]),
            .target(
                name: "AuthService",
                dependencies: [
                    "AccessTokens", "HTTPContract", "EventSourcing", "JSON", "Processes", "Publishing", "PublishingAPI", "Postgres", "CArgon2",
                    hummingbird, httpTypes, nioCore, nioPosix, crypto, logging,
                ]),
            .target(
                name: "CommandService",
                dependencies: [
                    "AccessTokens", "Audit", "HTTPContract", "EventSourcing", "JSON", "Processes", "Publishing", "PublishingAPI", "WebhookDelivery",
                    hummingbird,
                    httpTypes, nioCore, logging,
                ]),
            .target(
                name: "QueryService",
                dependencies: [
                    "AccessTokens", "HTTPContract", "EventSourcing", "JSON", "Postgres", "Projections", "PublishingAPI", "Spans", hummingbird,
                    httpTypes, nioCore, lifecycle, logging,
                ]),
            .target(
                name: "RelayService",
                dependencies: [
                    "AccessTokens", "HTTPContract", "EventSourcing", "JSON", "Postgres", "Processes", "Publishing", "PublishingAPI", "EventRelay",
                    "Subscribers", "WebhookDelivery", httpTypes, logging,
                ]),
            .target(
                name: "Gateway",
                dependencies: [
                    "AccessTokens", "Audit", "Deadlines", "HTTPContract", "EventSourcing", "JSON", "PublishingAPI", hummingbird, hummingbirdCore,
                    httpTypes, nioCore, nioHTTP1, nioHTTP2, nioHTTPTypes, nioHTTPTypesHTTP1, nioHTTPTypesHTTP2, nioPosix, nioSSL, nioTLS,
                    lifecycle, yaml, "Redis", coreMetrics, logging,
                ]),
        ]
    ),
    // The composition root and the operator's tools.
    (
        "App",
        [
            .target(
                name: "BlogImport",
                dependencies: ["EventSourcing", "JSON", "Publishing", "PublishingAPI", httpClient, nioCore, nioHTTP1, yaml, toml, logging]),
            .executableTarget(
                name: "annals",
                dependencies: [
                    "AccessTokens", "Audit", "AuthService", "BlogImport", "CLinuxIO", "CommandService", "EventLog", "EventRelay", "EventSourcing",
                    "Gateway", "HTTPContract", "JSON", "Postgres", "PrivatePostgres", "Processes", "Projections", "Publishing", "PublishingAPI",
                    "QueryService", "RabbitMQ", "Redis", "RelayService", "Spans", "Telemetry", "Upstreams", "Vault", "WebhookDelivery", arguments,
                    coreMetrics, crypto,
                    httpClient, httpTypes,
                    hummingbird, hummingbirdCore, lifecycle, logging, nioCore, nioHTTP1, nioPosix, nioSSL, signals, system,
                ]),
        ]
    ),
]

/// `Tests/` mirrors the layers; every test uses real PostgreSQL, started by the tests themselves.
let tests: [(folder: String, targets: [Target])] = [
    (
        "Platform",
        [
            .testTarget(name: "JSONTests", dependencies: ["JSON", "TestSupport"]),
            .testTarget(name: "PostgresTests", dependencies: ["Deadlines", "Postgres", "TestSupport", logging]),
            .testTarget(
                name: "TelemetryTests",
                dependencies: ["JSON", "Spans", "Telemetry", "TestSupport", coreMetrics, httpClient, nioCore, nioHTTP1, nioPosix, logging, tracing]),
            .testTarget(name: "RedisTests", dependencies: ["Redis", "TestSupport", logging, nioCore, nioPosix]),
            .testTarget(name: "RabbitMQTests", dependencies: ["RabbitMQ", "TestSupport", logging]),
            .testTarget(name: "PrivatePostgresTests", dependencies: ["Postgres", "PrivatePostgres", "TestSupport", logging]),
        ]
    ),
    (
        "EventStore",
        [
            // An event store in memory, and the contract that every event store keeps.
            .target(name: "EventStoreTesting", dependencies: ["EventSourcing", "JSON", "Processes"]),
            .target(
                name: "EventLogTesting", dependencies: ["EventLog", "EventSourcing", "Postgres", "TestSupport", "Vault", crypto, logging]),
            .testTarget(name: "EventSourcingTests", dependencies: ["EventSourcing", "EventStoreTesting", "JSON", "TestSupport"]),
            .testTarget(
                name: "EventLogTests",
                dependencies: ["EventLog", "EventLogTesting", "EventSourcing", "EventStoreTesting", "JSON", "Postgres", "TestSupport", "Vault"]),
            .testTarget(name: "VaultTests", dependencies: ["EventSourcing", "JSON", "Postgres", "TestSupport", "Vault", crypto, logging]),
            .testTarget(
                name: "ProjectionsTests",
                dependencies: [
                    "EventSourcing", "EventStoreTesting", "JSON", "Postgres", "Projections", "Publishing", "TestSupport", coreMetrics,
                    metricsTesting, logging,
                ]),
            .testTarget(
                name: "EventRelayTests",
                dependencies: [
                    "EventLog", "EventLogTesting", "EventRelay", "EventSourcing", "JSON", "Postgres", "Publishing", "RabbitMQ", "Redis",
                    "Subscribers",
                    "TestSupport", coreMetrics, metricsTesting,
                    "Vault", logging,
                ]),
            .testTarget(
                name: "ProcessesTests",
                dependencies: [
                    "EventLog", "EventLogTesting", "EventSourcing", "EventStoreTesting", "JSON", "Postgres", "Processes", "Subscribers",
                    "TestSupport", logging,
                ]),
            .testTarget(
                name: "AuditTests",
                dependencies: [
                    "Audit", "EventLog", "EventLogTesting", "EventSourcing", "JSON", "Postgres", "Publishing", "TestSupport", "Vault", crypto,
                    logging,
                ],
                exclude: ["CloudEvents", "GoVerifier"]),
        ]
    ),
    (
        "Publishing",
        [
            .testTarget(name: "PublishingTests", dependencies: ["EventSourcing", "JSON", "Publishing", "TestSupport"], exclude: ["Golden"]),
            .testTarget(name: "PublishingAPITests", dependencies: ["EventSourcing", "JSON", "PublishingAPI", httpTypes, yaml]),
        ]
    ),
    (
        "Services",
        [
            .testTarget(
                name: "AccessTokensTests",
                dependencies: ["AccessTokens", "EventSourcing", "JSON", "PublishingAPI", "TestSupport", crypto, jwt, logging]),
            .testTarget(
                name: "HTTPContractTests",
                dependencies: [
                    "AccessTokens", "Deadlines", "EventSourcing", "HTTPContract", "JSON", "PublishingAPI", "TestSupport", hummingbird,
                    hummingbirdTesting,
                    httpTypes, crypto,
                    nioCore, logging,
                ]),
            .testTarget(
                name: "UpstreamsTests",
                dependencies: [
                    "AccessTokens", "Deadlines", "EventSourcing", "HTTPContract", "JSON", "PublishingAPI", "TestSupport", "Upstreams", hummingbird,
                    hummingbirdCore, httpClient, httpTypes, nioCore, nioHTTP1, nioPosix, logging, "Redis",
                ]),
            .testTarget(
                name: "GatewayTests",
                dependencies: [
                    "AccessTokens", "EventSourcing", "Gateway", "HTTPContract", "JSON", "PublishingAPI", "TestSupport", hummingbird, hummingbirdCore,
                    hummingbirdTesting, httpTypes, nioCore, nioEmbedded, nioHTTP1, nioPosix, "Redis", coreMetrics, metricsTesting, logging,
                ], exclude: ["TLS/Attackers"]),
            .testTarget(
                name: "WebhookDeliveryTests",
                dependencies: [
                    "EventLog", "EventLogTesting", "EventSourcing", "HTTPContract", "JSON", "Postgres", "Publishing", "TestSupport", "Vault",
                    "WebhookDelivery", hummingbird, crypto, httpTypes, nioCore, nioHTTP1, nioPosix, logging,
                ], exclude: ["Receivers"]),
            .testTarget(
                name: "AuthServiceTests",
                dependencies: [
                    "AccessTokens", "AuthService", "EventSourcing", "HTTPContract", "JSON", "Postgres", "PublishingAPI", "TestSupport", hummingbird,
                    httpTypes, crypto, jwt, nioCore, logging,
                ]),
            .testTarget(
                name: "CommandServiceTests",
                dependencies: [
                    "AccessTokens", "Audit", "CommandService", "EventLog", "EventLogTesting", "EventSourcing", "HTTPContract", "JSON", "Postgres",
                    "Publishing", "PublishingAPI",
                    "TestSupport", "Vault", "WebhookDelivery", hummingbird, httpTypes, nioCore, logging,
                ]),
            .testTarget(
                name: "ClosureTests",
                dependencies: [
                    "AccessTokens", "AuthService", "CommandService", "EventLog", "EventLogTesting", "EventSourcing", "EventStoreTesting",
                    "HTTPContract", "JSON", "Postgres", "Processes", "Publishing", "PublishingAPI", "RelayService", "TestSupport", "Vault",
                    hummingbird, httpTypes, crypto, nioCore, logging,
                ]),
            .testTarget(
                name: "RelayServiceTests", dependencies: ["EventSourcing", "JSON", "Processes", "RelayService"]),
            .testTarget(
                name: "EndpointTests",
                dependencies: [
                    "AccessTokens", "Audit", "AuthService", "CommandService", "EventSourcing", "EventStoreTesting", "Gateway", "HTTPContract",
                    "Postgres", "Projections", "Publishing", "PublishingAPI", "QueryService", "RelayService", "WebhookDelivery",
                    hummingbird, httpTypes, nioCore, logging,
                ]),
            .testTarget(
                name: "QueryServiceTests",
                dependencies: [
                    "AccessTokens", "Deadlines", "EventSourcing", "HTTPContract", "JSON", "Postgres", "Projections", "PublishingAPI", "QueryService",
                    "TestSupport",
                    hummingbird, httpTypes, nioCore, logging,
                ]),
        ]
    ),
    (
        "App",
        [
            .testTarget(
                name: "annalsTests",
                dependencies: [
                    "annals", "AuthService", "EventLog", "EventLogTesting", "EventSourcing", "Gateway", "JSON", "Postgres", "Publishing",
                    "TestSupport",
                    "Vault", arguments,
                    logging,
                ]),
            .testTarget(
                name: "BlogImportTests",
                dependencies: ["BlogImport", "EventSourcing", "JSON", "TestSupport", nioCore, nioHTTP1, nioPosix, httpClient, logging]),
        ]
    ),
    (
        "",
        [
            // Rules that the repository keeps for its own files.
            .testTarget(name: "RepositoryTests", dependencies: ["TestSupport"], exclude: ["Packages"]),
            .target(
                name: "TestSupport",
                dependencies: ["CLinuxIO", "CRabbitMQ", "JSON", "Postgres", "PrivatePostgres", logging, nioCore, nioHTTP1, nioPosix]),
            .testTarget(
                name: "EndToEndTests",
                dependencies: [
                    "annals", "AccessTokens", "EventSourcing", "JSON", "Postgres", "PrivatePostgres", "PublishingAPI", "Redis", "TestSupport",
                    nioCore, nioHTTP1, nioPosix, httpClient, logging,
                ],
                exclude: [
                    "API/Verifiers", "Documents/Consumers", "Image/compose.py", "Image/packages.py", "Image/rehearse", "Image/requirements.txt",
                ]),
            .testTarget(
                name: "FaultTests",
                dependencies: [
                    "AppendLines", "EventLog", "EventLogTesting", "EventSourcing", "EventStoreTesting", "FaultWriter", "JSON", "Postgres",
                    "TestSupport",
                ]),
        ]
    ),
    (
        "FaultSupport",
        [
            .target(name: "AppendLines", dependencies: ["EventSourcing", "JSON"]),
            .executableTarget(
                name: "FaultWriter", dependencies: ["AppendLines", "EventLog", "EventLogTesting", "EventSourcing", "JSON", "Postgres"]),
        ]
    ),
]

// A dependency on a layer below one's own ends the build here.
var reachable: Set<String> = []
for layer in layers {
    reachable.formUnion(layer.modules.map(\.name))
    for module in layer.modules {
        module.path = "Sources/\(layer.name)/\(module.name)"
        for case .byNameItem(let name, _) in module.dependencies where !reachable.contains(name) {
            fatalError("\(module.name) is of the layer \(layer.name) and can't depend on \(name)")
        }
    }
}
for folder in tests {
    for target in folder.targets { target.path = "Tests/\(folder.folder.isEmpty ? "" : folder.folder + "/")\(target.name)" }
}

let package = Package(
    name: "annals",
    products: [.executable(name: "annals", targets: ["annals"])],
    dependencies: [
        .package(url: "https://github.com/hummingbird-project/hummingbird", exact: "2.28.1", traits: []),
        .package(url: "https://github.com/swift-server/async-http-client", exact: "1.37.0", traits: []),
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", exact: "1.35.2"),
        .package(url: "https://github.com/apple/swift-nio-http2", exact: "1.46.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", exact: "2.37.6"),
        .package(url: "https://github.com/apple/swift-http-types", exact: "1.8.0"),
        .package(url: "https://github.com/vapor/jwt-kit", exact: "5.7.1"),
        .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", exact: "2.13.0"),
        .package(url: "https://github.com/apple/swift-system", exact: "1.8.1"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", exact: "2.13.0"),
        .package(url: "https://github.com/apple/swift-distributed-tracing", exact: "1.7.3"),
        .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
        .package(url: "https://github.com/LebJe/TOMLKit", exact: "0.6.0"),
    ],
    targets: layers.flatMap(\.modules) + tests.flatMap(\.targets)
)

// One set of rules for every Swift target: language mode 6 and the upcoming features that make isolation and imports explicit.
for target in package.targets where target.type != .system {
    target.swiftSettings = [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    ]
}
