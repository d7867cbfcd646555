// swift-tools-version: 6.2
import PackageDescription

let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore = Target.Dependency.product(name: "HummingbirdCore", package: "hummingbird")
let hummingbirdTesting = Target.Dependency.product(name: "HummingbirdTesting", package: "hummingbird")
let httpClient = Target.Dependency.product(name: "AsyncHTTPClient", package: "async-http-client")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioEmbedded = Target.Dependency.product(name: "NIOEmbedded", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let jwt = Target.Dependency.product(name: "JWTKit", package: "jwt-kit")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let configuration = Target.Dependency.product(name: "Configuration", package: "swift-configuration")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let signals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let system = Target.Dependency.product(name: "SystemPackage", package: "swift-system")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let coreMetrics = Target.Dependency.product(name: "CoreMetrics", package: "swift-metrics")
let metricsTesting = Target.Dependency.product(name: "MetricsTestKit", package: "swift-metrics")
let yaml = Target.Dependency.product(name: "Yams", package: "Yams")
let toml = Target.Dependency.product(name: "TOMLKit", package: "TOMLKit")

let package = Package(
    name: "annals",
    products: [.executable(name: "annals", targets: ["annals"])],
    dependencies: [
        .package(url: "https://github.com/hummingbird-project/hummingbird", exact: "2.28.1", traits: []),
        .package(url: "https://github.com/swift-server/async-http-client", exact: "1.37.0", traits: []),
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        .package(url: "https://github.com/apple/swift-http-types", exact: "1.8.0"),
        .package(url: "https://github.com/vapor/jwt-kit", exact: "5.7.1"),
        .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-configuration", exact: "1.4.0", traits: [.defaults, "CommandLineArguments"]),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", exact: "2.13.0"),
        .package(url: "https://github.com/apple/swift-system", exact: "1.8.1"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", exact: "2.13.0"),
        .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
        .package(url: "https://github.com/LebJe/TOMLKit", exact: "0.6.0"),
    ],
    targets: [
        // C libraries, each behind one module.
        .systemLibrary(name: "CLibpq", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .systemLibrary(name: "CArgon2", pkgConfig: "libargon2", providers: [.apt(["libargon2-dev"])]),
        .target(name: "CLinuxIO"),

        // The log and the rules.
        .target(name: "Postgres", dependencies: ["CLibpq", "CLinuxIO", logging]),
        .target(name: "PrivatePostgres", dependencies: ["CLibpq", "CLinuxIO", "Postgres", logging]),
        .target(name: "EventSourcing"),
        .target(name: "Publishing", dependencies: ["EventSourcing"]),
        .target(name: "Processes", dependencies: ["EventSourcing"]),
        .target(name: "Vault", dependencies: ["EventSourcing", "Postgres", crypto]),
        .target(name: "EventLog", dependencies: ["EventSourcing", "Postgres", "Vault", logging]),
        .target(name: "Projections", dependencies: ["EventSourcing", "Postgres", coreMetrics, logging]),
        .target(name: "Audit", dependencies: ["EventSourcing", "Postgres", crypto, logging]),

        // The services. QueryService can't import Publishing, CommandService can't import Postgres: the line between them is a compile error.
        .target(name: "HTTPContract", dependencies: ["EventSourcing", hummingbird, httpTypes, nioCore, nioHTTP1, crypto, logging]),
        .target(
            name: "AuthService",
            dependencies: [
                "HTTPContract", "EventSourcing", "Publishing", "Processes", "Postgres", "CArgon2", hummingbird, httpTypes, nioCore, nioPosix, crypto,
                logging,
            ]),
        .target(
            name: "CommandService", dependencies: ["Audit", "HTTPContract", "EventSourcing", "Publishing", hummingbird, httpTypes, nioCore, logging]),
        .target(
            name: "QueryService",
            dependencies: ["HTTPContract", "EventSourcing", "Postgres", "Projections", hummingbird, httpTypes, nioCore, crypto, lifecycle, logging]),
        .target(
            name: "Gateway",
            dependencies: ["HTTPContract", "EventSourcing", hummingbird, hummingbirdCore, httpTypes, nioCore, nioHTTP1, nioPosix, logging]),

        // The operator's side.
        .target(name: "TerminalProgress"),
        .target(name: "BlogImport", dependencies: ["EventSourcing", httpClient, nioCore, nioHTTP1, yaml, toml, logging]),
        .executableTarget(
            name: "annals",
            dependencies: [
                "Audit", "AuthService", "BlogImport", "CommandService", "EventLog", "EventSourcing", "Gateway", "HTTPContract", "Postgres",
                "PrivatePostgres",
                "Projections", "Publishing", "QueryService", "TerminalProgress", "Vault", arguments, configuration, crypto, httpClient, hummingbird,
                hummingbirdCore,
                lifecycle, logging, nioCore, nioPosix, signals, system,
            ]),

        // Tests: real PostgreSQL, started by themselves.
        .target(
            name: "TestSupport", dependencies: ["CLinuxIO", "Postgres", "PrivatePostgres", logging], path: "Tests/TestSupport"),
        .testTarget(name: "PostgresTests", dependencies: ["Postgres", "TestSupport", logging]),
        .testTarget(name: "PrivatePostgresTests", dependencies: ["Postgres", "PrivatePostgres", "TestSupport", logging]),
        .target(name: "LogContract", dependencies: ["EventSourcing"], path: "Tests/LogContract"),
        .testTarget(name: "EventSourcingTests", dependencies: ["EventSourcing", "LogContract", "TestSupport"]),
        .testTarget(name: "ProcessesTests", dependencies: ["EventSourcing", "Processes"]),
        .testTarget(name: "PublishingTests", dependencies: ["EventSourcing", "Publishing"], exclude: ["Golden"]),
        .target(
            name: "EventLogTesting", dependencies: ["EventLog", "EventSourcing", "Postgres", "TestSupport", "Vault", crypto, logging],
            path: "Tests/EventLogTesting"),
        .testTarget(
            name: "EventLogTests", dependencies: ["LogContract", "EventLog", "EventLogTesting", "EventSourcing", "Postgres", "TestSupport", "Vault"]),
        .target(name: "AppendLines", dependencies: ["EventSourcing"], path: "Tests/AppendLines"),
        .executableTarget(
            name: "FaultWriter", dependencies: ["AppendLines", "EventLog", "EventLogTesting", "EventSourcing", "Postgres"], path: "Tests/FaultWriter"),
        .testTarget(
            name: "FaultTests",
            dependencies: ["AppendLines", "EventLog", "EventLogTesting", "EventSourcing", "FaultWriter", "Postgres", "TestSupport"]),
        .testTarget(name: "VaultTests", dependencies: ["EventSourcing", "Postgres", "TestSupport", "Vault", crypto, logging]),
        .testTarget(
            name: "CommandServiceTests",
            dependencies: [
                "Audit", "CommandService", "EventLog", "EventLogTesting", "EventSourcing", "HTTPContract", "Postgres", "Publishing", "TestSupport",
                "Vault", hummingbird,
                httpTypes, nioCore, logging,
            ]),
        .testTarget(
            name: "ProjectionsTests",
            dependencies: ["EventSourcing", "Postgres", "Projections", "Publishing", "TestSupport", coreMetrics, metricsTesting, logging]),
        .testTarget(
            name: "AuditTests",
            dependencies: [
                "Audit", "EventLog", "EventLogTesting", "EventSourcing", "Postgres", "Publishing", "TestSupport", "Vault", crypto, logging,
            ],
            exclude: ["CloudEvents", "GoVerifier"]),
        .testTarget(
            name: "HTTPContractTests",
            dependencies: ["EventSourcing", "HTTPContract", hummingbird, hummingbirdTesting, httpTypes, crypto, jwt, nioCore, logging]),
        .testTarget(
            name: "GatewayTests",
            dependencies: [
                "EventSourcing", "Gateway", "HTTPContract", hummingbird, hummingbirdTesting, httpTypes, nioCore, nioEmbedded, nioHTTP1, logging,
            ]),
        .testTarget(
            name: "AuthServiceTests",
            dependencies: [
                "AuthService", "EventSourcing", "HTTPContract", "Postgres", "TestSupport", hummingbird, httpTypes, crypto, jwt, nioCore, logging,
            ]),
        .testTarget(
            name: "ClosureTests",
            dependencies: [
                "AuthService", "CommandService", "EventLog", "EventLogTesting", "EventSourcing", "HTTPContract", "Postgres", "Publishing",
                "TestSupport",
                "Vault", hummingbird, httpTypes, crypto, nioCore, logging,
            ]),
        .testTarget(
            name: "QueryServiceTests",
            dependencies: [
                "EventSourcing", "HTTPContract", "Postgres", "Projections", "QueryService", "TestSupport", hummingbird, httpTypes, nioCore, logging,
            ]),
        .testTarget(name: "TerminalProgressTests", dependencies: ["TerminalProgress"]),
        .testTarget(
            name: "BlogImportTests", dependencies: ["BlogImport", "EventSourcing", "TestSupport", nioCore, nioHTTP1, nioPosix, httpClient, logging]),
        .testTarget(
            name: "EndToEndTests", dependencies: ["annals", "EventSourcing", "Postgres", "PrivatePostgres", nioCore, nioHTTP1, httpClient, logging]),
    ]
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
