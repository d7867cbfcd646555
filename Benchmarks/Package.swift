// swift-tools-version: 6.2
import PackageDescription

let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let coreMetrics = Target.Dependency.product(name: "CoreMetrics", package: "swift-metrics")
let tracing = Target.Dependency.product(name: "Tracing", package: "swift-distributed-tracing")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")

// Its own package, so that the program's manifest and dependencies stay free of it. The modules under Annals/ are links to the program's own sources: what is
// measured is what ships, and its `package` access holds here too.
let package = Package(
    name: "annals-benchmarks",
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
        .package(url: "https://github.com/apple/swift-distributed-tracing", exact: "1.7.3"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", exact: "2.13.0"),
    ],
    targets: [
        .systemLibrary(name: "CLibpq", path: "Annals/CLibpq", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .target(name: "CLinuxIO", path: "Annals/CLinuxIO"),
        .target(name: "Postgres", dependencies: ["CLibpq", "CLinuxIO", "Deadlines", coreMetrics, logging], path: "Annals/Postgres"),
        .target(name: "Deadlines", path: "Annals/Deadlines"),
        .target(name: "Spans", dependencies: [tracing], path: "Annals/Spans"),
        .target(name: "JSON", path: "Annals/JSON"),
        .target(name: "EventSourcing", dependencies: ["JSON", "Spans"], path: "Annals/EventSourcing"),
        .target(name: "Publishing", dependencies: ["EventSourcing", "JSON"], path: "Annals/Publishing"),
        .target(name: "Vault", dependencies: ["EventSourcing", "JSON", "Postgres", crypto, logging], path: "Annals/Vault"),
        .target(name: "EventLog", dependencies: ["Deadlines", "EventSourcing", "JSON", "Postgres", "Vault", logging], path: "Annals/EventLog"),
        .target(name: "Projections", dependencies: ["EventSourcing", "JSON", "Postgres", "Spans", coreMetrics, logging], path: "Annals/Projections"),
        .target(name: "Audit", dependencies: ["EventSourcing", "JSON", "Postgres", crypto, logging], path: "Annals/Audit"),
        .executableTarget(
            name: "LoadGenerator",
            dependencies: ["Audit", "EventLog", "EventSourcing", "JSON", "Postgres", "Projections", "Publishing", "Vault", arguments, crypto,
                logging,
            ]),
    ]
)

for target in package.targets where target.type != .system {
    target.swiftSettings = [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    ]
}
