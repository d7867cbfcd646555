import Foundation
import TestSupport
import Testing

/// One process of `annals serve`, on a port that it keeps. A test stops, kills and starts it.
struct ServedInstance: Sendable {
    let service: String
    let server: ChildServer
    private let command: [String]

    init(_ service: String, _ server: ChildServer, _ variables: [String: String], dataDirectory: String) {
        self.service = service
        self.server = server
        let own = ["LD_LIBRARY_PATH", "TMPDIR"].compactMap { name in ProcessInfo.processInfo.environment[name].map { "\(name)=\($0)" } }
        command =
            ["/usr/bin/env"] + own + variables.map { "\($0.key)=\($0.value)" } + [Launch.binary.path, "serve", service, "--data-dir", dataDirectory]
    }

    var base: String { "http://127.0.0.1:\(server.port)" }

    func start() async throws { try await server.start(command, readyWhen: "\(service) is ready at") }
}

/// The services of one system, each in any number of processes on loopback, beside a PostgreSQL of the test's own.
struct ServedSystem: Sendable {
    enum Finding: String, Sendable {
        /// By a list of all instances in the settings.
        case list
        /// By a registry in Redis.
        case redis
    }

    /// Of each service.
    let instances: [String: [ServedInstance]]
    let gateways: [String]

    /// An author who is signed in, at the first gateway.
    let author: Client

    /// Starts it, and ends it after `body`.
    /// - Parameters:
    ///   - counts: how many processes of each service; one where nothing is said.
    ///   - settings: for all of them.
    ///   - server: further settings of the PostgreSQL.
    static func run(
        _ counts: [String: Int], finding: Finding = .list, settings: [String: String] = [:], server: String? = nil,
        _ body: (ServedSystem) async throws -> Void
    ) async throws {
        try await withServer(settings: server) { location in
            try await withDatabases(at: location) { urls in
                try await withDataDirectory { directory in
                    for command in [["migrate"], ["keys", "init"]] {
                        let made = try await Launch.run(command + ["--data-dir", directory], environment: urls)
                        try #require(made.code == 0, "\(made.output)")
                    }
                    let system = try await ServedSystem(counts, finding, urls.merging(settings) { $1 }, dataDirectory: directory)
                    // However it ends, nothing is left that holds the databases.
                    defer { for instance in system.instances.values.joined() { instance.server.kill() } }
                    try await body(system)
                }
            }
        }
    }

    private init(_ counts: [String: Int], _ finding: Finding, _ settings: [String: String], dataDirectory: String) async throws {
        let services = ["auth", "projector", "commands", "queries", "relay", "gateway"]
        var servers: [String: [ChildServer]] = [:]
        for service in services { servers[service] = try (0..<(counts[service] ?? 1)).map { _ in try ChildServer(service) } }
        func addresses(_ service: String) -> String { (servers[service] ?? []).map { "127.0.0.1:\($0.port)" }.joined(separator: ",") }
        let own = [
            "ANNALS_ROOT": repositoryRoot, "ANNALS_METRICS_PORT": "off", "ANNALS_RATE_LIMIT": "off", "ANNALS_PROJECTOR_AT": addresses("projector"),
        ]
        var shared = RunningSystem.patientSettings.merging(own) { $1 }
        for service in ["auth", "commands", "queries", "relay"] {
            shared["ANNALS_\(service.uppercased())_AT"] = finding == .redis ? "redis" : addresses(service)
        }
        shared.merge(settings) { $1 }
        let made: [String: [ServedInstance]] = servers.reduce(into: [:]) { instances, entry in
            let variable = entry.key == "gateway" ? "ANNALS_PORT" : "ANNALS_\(entry.key.uppercased())_PORT"
            instances[entry.key] = entry.value.map { server in
                ServedInstance(entry.key, server, shared.merging([variable: "\(server.port)"]) { $1 }, dataDirectory: dataDirectory)
            }
        }
        instances = made
        gateways = (made["gateway"] ?? []).map(\.base)
        for wave in [["auth", "projector"], ["commands", "queries"], ["relay"], ["gateway"]] {
            try await withThrowingTaskGroup { group in
                for instance in wave.flatMap({ made[$0] ?? [] }) { group.addTask { try await instance.start() } }
                try await group.waitForAll()
            }
        }
        author = try await Client(base: gateways[0] + "/api/v1").signedUp("ann")
    }
}

/// Whether tests take the time for their longer rounds.
let isLongRun = ["ANNALS_LONG_TESTS", "ANNALS_TEST_LONG"].contains { ProcessInfo.processInfo.environment[$0] == "1" }
