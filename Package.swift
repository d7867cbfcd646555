// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "annals",
    dependencies: [
        .package(url: "https://github.com/apple/swift-log.git", exact: "1.16.2")
    ],
    targets: [
        .systemLibrary(name: "CLibpq", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .target(name: "CLinuxIO"),
        .target(name: "Postgres", dependencies: ["CLibpq", "CLinuxIO", .product(name: "Logging", package: "swift-log")]),
        .target(name: "PrivatePostgres", dependencies: ["CLibpq", "CLinuxIO", "Postgres", .product(name: "Logging", package: "swift-log")]),
        .target(
            name: "TestSupport",
            dependencies: ["CLinuxIO", "Postgres", "PrivatePostgres", .product(name: "Logging", package: "swift-log")],
            path: "Tests/TestSupport"
        ),
        .testTarget(name: "PostgresTests", dependencies: ["Postgres", "TestSupport", .product(name: "Logging", package: "swift-log")]),
        .testTarget(
            name: "PrivatePostgresTests",
            dependencies: ["Postgres", "PrivatePostgres", "TestSupport", .product(name: "Logging", package: "swift-log")]
        ),
    ]
)

for target in package.targets where target.type != .system && !target.name.hasPrefix("C") {
    target.swiftSettings = [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    ]
}
