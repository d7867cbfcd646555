import ArgumentParser
import AuthService
import FoundationEssentials
import Gateway
import Logging
import Postgres
import Testing

@testable import annals

/// Reads settings as a process with these flags, environment and file would.
private func settings(
    _ flags: [String] = [], environment: [String: String] = [:], file: String? = nil
) async throws -> Settings {
    guard let file else { return try await Settings.read(SettingsFlags.parse(flags), environment: environment) }
    let path = FileManager.default.temporaryDirectory.appending(path: "settings-\(UUID().uuidString).json").path
    try Data(file.utf8).write(to: URL(filePath: path))
    defer { #expect(throws: Never.self) { try FileManager.default.removeItem(atPath: path) } }
    return try await Settings.read(
        SettingsFlags.parse(flags), environment: environment.merging(["ANNALS_CONFIG_FILE": path]) { first, _ in first })
}

/// The line that reading these settings fails with, and the exit code.
private func refusal(environment: [String: String]) async -> (line: String, code: Failure.Code)? {
    do {
        _ = try await settings(environment: environment)
        return nil
    } catch let failure as Failure {
        return (failure.message, failure.code)
    } catch {
        return ("\(error)", .failed)
    }
}

@Suite(.timeLimit(.minutes(5))) struct `Reading the settings` {
    @Test func `takes flags over the environment, that over the file, and that over the defaults`() async throws {
        let file = #"{"annals": {"port": 3001, "host": "::1", "dataDir": "/file", "logLevel": "info"}}"#
        let read = try await settings(["--port", "3003"], environment: ["ANNALS_PORT": "3002", "ANNALS_HOST": "0.0.0.0"], file: file)
        #expect(read.port == 3003)
        #expect(read.host == "0.0.0.0")
        #expect(read.dataDirectory == "/file")
        #expect(read.logLevel == .info)
        let defaults = try await settings()
        #expect(defaults.port == 3000)
        #expect(defaults.host == "127.0.0.1")
        #expect(defaults.dataDirectory == ".annals")
        #expect(defaults.databases == nil)
    }

    @Test func `knows of each value where it comes from`() async throws {
        let read = try await settings(["--port", "3003"], environment: ["ANNALS_HOST": "::1"], file: #"{"annals": {"bodyRate": 5}}"#)
        let sources = Dictionary(uniqueKeysWithValues: read.table.map { ($0.key, $0.source) })
        #expect(sources["port"] == .flag)
        #expect(sources["host"] == .environment)
        #expect(sources["bodyRate"] == .file)
        #expect(sources["dataDir"] == .fallback)
    }

    @Test func `takes truths and lists in the file as such or as text`() async throws {
        for file in [
            #"{"annals": {"rebuildStale": true, "trustedProxies": ["10.0.0.0/8", "::1"]}}"#,
            #"{"annals": {"rebuildStale": "true", "trustedProxies": "10.0.0.0/8, ::1"}}"#,
        ] {
            let read = try await settings(file: file)
            #expect(read.rebuildsStale)
            #expect(read.gateway.proxies.map(\.description) == ["10.0.0.0/8", "::1"])
        }
    }

    @Test(arguments: [#"{"annals": {"port": {"a": 1}}}"#, #"{"annals": {"port": 1.5}}"#, #"{"annals": {"port": null}}"#])
    func `refuses by its key what no setting can be in the file`(file: String) async throws {
        do {
            let read = try await settings(file: file)
            #expect(read.complaints == ["annals.port.a in the configuration file is no setting; did you mean annals.port?"])
        } catch let failure as Failure {
            #expect(failure.message == "annals.port in the configuration file takes a number from 0 to 65535")
        }
    }

    @Test func `shows where RabbitMQ is, and neither user nor password`() async throws {
        let read = try await settings(environment: ["ANNALS_RABBITMQ_URL": "amqp://ann:very-secret@broker:5673/orders"])
        #expect(read.relay.rabbitMQ != nil)
        #expect(read.table.first { $0.key == "rabbitmq.url" }?.value == "amqp://broker:5673/orders")
        let refused = await refusal(environment: ["ANNALS_RABBITMQ_URL": "amqps://ann:very-secret@broker"])
        #expect(refused?.line == "ANNALS_RABBITMQ_URL takes an amqp URL, without TLS" && refused?.code == .wrongUse)
    }

    @Test func `tells of names that are no settings, with the nearest that is one`() async throws {
        let read = try await settings(
            environment: ["ANNALS_PORTS": "1", "ANNALS_COMMAND": "bin/annals", "ANNALS_WEATHER": "", "OTHER": ""],
            file: #"{"annals": {"rateLimits": "off", "port": 1}, "anals": {"port": 1}}"#)
        #expect(
            read.complaints == [
                "ANNALS_PORTS is no setting; did you mean ANNALS_PORT?", "ANNALS_WEATHER is no setting",
                "anals.port in the configuration file is no setting; did you mean annals.port?",
                "annals.rateLimits in the configuration file is no setting; did you mean annals.rateLimit?",
            ])
    }

    @Test(arguments: [("30s", "30s"), ("300s", "5m"), ("24h", "1d"), ("1500ms", "1500ms"), ("0s", "0s"), ("90m", "90m")])
    func `shows a time in its largest whole unit`(text: String, shown: String) {
        #expect(Duration(setting: text)?.setting == shown)
    }

    @Test func `takes a number in the file as a number or as text`() async throws {
        for port in ["3001", #""3001""#] { #expect(try await settings(file: #"{"annals": {"port": \#(port)}}"#).port == 3001) }
    }

    @Test(
        arguments: [
            ("ANNALS_PORT", "70000", "ANNALS_PORT takes a number from 0 to 65535, not 70000"),
            ("ANNALS_PORT", "x", "ANNALS_PORT takes a number from 0 to 65535, not x"),
            ("ANNALS_REBUILD_STALE", "maybe", "ANNALS_REBUILD_STALE takes true or false, not maybe"),
            ("ANNALS_REFRESH_GRACE", "2m", "ANNALS_REFRESH_GRACE takes a duration from 0s to 1m, not 2m"),
            ("ANNALS_LOG_LEVEL", "loud", "ANNALS_LOG_LEVEL takes one of trace, debug, info, notice, warning, error, critical, not loud"),
            ("ANNALS_RATE_LIMIT", "lots", "ANNALS_RATE_LIMIT takes off, or a rate such as 100/60s, not lots"),
            ("ANNALS_DEADLINE", "soon", "ANNALS_DEADLINE takes a duration from 10ms to 1h, not soon"),
            (
                "ANNALS_TRUSTED_PROXIES", "10.0.0.0/8, proxy",
                "ANNALS_TRUSTED_PROXIES takes IP addresses and blocks such as 10.0.0.0/8, separated by commas, not proxy"
            ),
            (
                "ANNALS_CORS_ORIGINS", "example.org",
                "ANNALS_CORS_ORIGINS takes origins such as https://example.org, separated by commas, not example.org"
            ),
        ])
    func `names a setting that it can't understand, and what it should look like`(name: String, value: String, line: String) async {
        let refusal = await refusal(environment: [name: value])
        #expect(refusal?.line == line)
        #expect(refusal?.code == .wrongUse)
    }

    @Test func `takes the limits of pools and the lifetimes of sessions`() async throws {
        let read = try await settings(environment: [
            "ANNALS_POOL_SIZE": "7", "ANNALS_POOL_WAIT": "1s", "ANNALS_POOL_LIFETIME": "2h", "ANNALS_POOL_IDLE_TIMEOUT": "5m",
            "ANNALS_CONNECT_TIMEOUT": "4s", "ANNALS_POOL_PIPELINE": "9", "ANNALS_STATEMENT_TIMEOUT": "6s", "ANNALS_ACCESS_TOKEN_LIFETIME": "1m",
        ])
        #expect(read.pools.maximumConnections == 7 && read.pools.pipelineDepth == 9)
        #expect(read.pools.acquireTimeout == .seconds(1) && read.pools.connectTimeout == .seconds(4))
        #expect(read.pools.lifetime == .seconds(7200) && read.pools.idleTimeout == .seconds(300) && read.pools.statementTimeout == .seconds(6))
        #expect(read.auth.accessTokenLifetime == .seconds(60))
    }

    @Test func `wants a certificate and its key, or neither`() async throws {
        #expect(await refusal(environment: ["ANNALS_TLS_KEY": "k"])?.line == "ANNALS_TLS_CERTIFICATE and ANNALS_TLS_KEY: set both of them")
        let read = try await settings(environment: ["ANNALS_TLS_KEY": "k", "ANNALS_TLS_CERTIFICATE": "c", "ANNALS_HOST": "::1"])
        #expect(read.tls?.certificate == "c" && read.tls?.key == "k" && read.address(port: 1) == "https://[::1]:1")
        #expect(try await settings().address(port: 3000) == "http://127.0.0.1:3000")
    }

    @Test func `turns the other limits off with the first, unless they are set`() async throws {
        let off = try await settings(environment: ["ANNALS_RATE_LIMIT": "off", "ANNALS_LOGIN_RATE_LIMIT": "5/60s"]).rateLimits
        #expect(off.calls == nil)
        #expect(off.registrations == nil)
        #expect(off.logins != nil)
    }
}

@Suite(.timeLimit(.minutes(5))) struct `Reading the databases' URLs` {
    private let urls = Dictionary(
        uniqueKeysWithValues: ["LOG", "READ", "IDENTITY", "VAULT"].map { ("ANNALS_\($0)_URL", "postgres://ann:secret@db/\($0.lowercased())") })

    @Test func `wants all four or none for the whole system`() async throws {
        #expect(try await settings(environment: urls).databases?.vault == "postgres://ann:secret@db/vault")
        let one = try #require(try await settings(environment: urls.filter { $0.key == "ANNALS_READ_URL" }).databases)
        let refusal = #expect(throws: Failure.self) { try Databases(one) }
        #expect(refusal?.message.hasPrefix("ANNALS_LOG_URL, ANNALS_IDENTITY_URL, ANNALS_VAULT_URL must be set too") == true)
    }

    @Test func `takes a URL from a file, without the line end, and not from both`() async throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "url-\(UUID().uuidString)").path
        try Data("postgres://db/read\n".utf8).write(to: URL(filePath: path))
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(atPath: path) } }
        var environment = urls
        environment["ANNALS_READ_URL_FILE"] = path
        #expect(await refusal(environment: environment)?.line == "ANNALS_READ_URL and ANNALS_READ_URL_FILE: set one of them")
        environment["ANNALS_READ_URL"] = nil
        #expect(try await settings(environment: environment).databases?.read == "postgres://db/read")
    }

    @Test func `does not quote a URL that is not one, since it may hold a password`() async throws {
        var environment = urls
        environment["ANNALS_LOG_URL"] = "mysql://ann:very-secret@db/log"
        let read = try #require(try await settings(environment: environment).databases)
        let failure = #expect(throws: Failure.self) { try Databases(read) }
        #expect(failure?.message == "ANNALS_LOG_URL is not a PostgreSQL URL")
    }

    @Test func `wants a direct read URL behind a pooler in transaction mode`() async throws {
        let read = try #require(try await settings(environment: urls.merging(["ANNALS_POOLING": "transaction"]) { first, _ in first }).databases)
        let failure = #expect(throws: Failure.self) { try Databases(read) }
        #expect(failure?.message.hasPrefix("ANNALS_READ_DIRECT_URL must be set") == true)
    }
}

@Suite(.timeLimit(.minutes(5))) struct `A command in a hint` {
    @Test func `is named as the user has called it`() {
        #expect(CommandName.of("up", environment: [:]) == "annals up")
        #expect(CommandName.of("keys list", environment: ["ANNALS_COMMAND": "bin/annals"]) == "bin/annals keys list")
    }
}
