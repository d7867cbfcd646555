import ArgumentParser
import FoundationEssentials
import Gateway
import Logging
import Testing

@testable import annals

@Suite struct `The settings of a service of its own` {
    private let masterKey = String(repeating: "a1", count: 32)
    private var file: String {
        """
        {"annals": {"masterKey": "\(masterKey)", "redis": {"url": "redis://:secret@cache"},
                    "logLevel": "info", "trustedProxies": ["10.0.0.0/8", "::1"],
                    "read": {"url": "postgres://queries:secret@db/read"}, "vault": {"url": "postgres://vault:secret@db/vault"}}}
        """
    }

    /// Reads the settings from a file, as a process that runs these services.
    private func settings(_ services: [Component] = .all, environment: [String: String] = [:]) async throws -> Settings {
        let path = FileManager.default.temporaryDirectory.appending(path: "settings-\(UUID().uuidString).json").path
        try Data(file.utf8).write(to: URL(filePath: path))
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(atPath: path) } }
        let environment = environment.merging(["ANNALS_CONFIG_FILE": path]) { first, _ in first }
        return try await Settings.read(SettingsFlags.parse([]), environment: environment, for: services)
    }

    @Test func `come from the file of the whole system, without the file and without the secrets of others`() async throws {
        let read = try await settings(environment: ["ANNALS_LOG_LEVEL": "debug", "PATH": "/bin"])
        let child = ChildEnvironment(settings: read, environment: ["PATH": "/bin"], dataDirectory: "/data")
        let environments = Dictionary(uniqueKeysWithValues: Component.allCases.map { ($0, child.variables(for: $0, login: ["LOGIN": "\($0)"])) })
        for (component, variables) in environments {
            #expect(variables["ANNALS_CONFIG_FILE"] == nil && variables["PATH"] == "/bin" && variables["LOGIN"] == "\(component)")
            // The environment goes before the file.
            #expect(variables["ANNALS_LOG_LEVEL"] == "debug")
            #expect((variables["ANNALS_MASTER_KEY"] == masterKey) == [.auth, .commands, .projector, .relay].contains(component), "\(component)")
            #expect((variables["ANNALS_REDIS_URL"] == "redis://:secret@cache") == (component != .projector), "\(component)")
            #expect((variables["ANNALS_VAULT_URL"] != nil) == [.auth, .commands, .projector, .relay].contains(component), "\(component)")
            if component != .gateway { #expect(variables["ANNALS_TRUSTED_PROXIES"] == nil) }
        }
        // A child reads in its environment what the file says.
        let gateway = try await Settings.read(SettingsFlags.parse([]), environment: environments[.gateway] ?? [:], for: [.gateway])
        #expect(gateway.gateway.proxies.map(\.description) == ["10.0.0.0/8", "::1"])
    }

    @Test func `hold no secret of another service, though it stands in the file`() async throws {
        let queries = try await settings([.queries])
        #expect(queries.masterKey == nil && queries.databases?.vault == nil)
        #expect(queries.databases?.read == "postgres://queries:secret@db/read" && queries.redisURL == "redis://:secret@cache")
        #expect(queries.table.first { $0.key == "vault.url" }?.text == nil)
        #expect(queries.logLevel == .info && queries.complaints.isEmpty)
        let relay = try await settings([.relay])
        #expect(relay.masterKey == masterKey && relay.databases?.read == nil && relay.databases?.vault != nil)
    }

    @Test func `hold no secret from a file of its own, either`() async throws {
        let read = try await settings([.queries], environment: ["ANNALS_IDENTITY_URL_FILE": "/nowhere"])
        #expect(read.databases?.identity == nil)
    }

    @Test func `do not ask a service for a secret that it has no use for`() async throws {
        let shared = ["ANNALS_RELAY_REDIS": "true", "ANNALS_REDIS_URL": "redis://cache"]
        #expect(try await settings([.projector], environment: shared).redisURL == nil)
        #expect(try await settings([.relay], environment: shared).redisURL != nil)
    }
}
