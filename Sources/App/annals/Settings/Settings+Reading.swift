import ArgumentParser
import Configuration
import FoundationEssentials
import Logging
import Postgres
import SystemPackage

/// The flags of every command that reaches the system.
struct SettingsFlags: ParsableArguments {
    @Option(help: "Port that the system listens on. (ANNALS_PORT, 3000)")
    var port: Int?

    @Option(help: "Address that the system listens on. (ANNALS_HOST, 127.0.0.1)")
    var host: String?

    @Option(help: "Folder of the keys and the private PostgreSQL. (ANNALS_DATA_DIR, .annals)")
    var dataDir: String?

    @Option(help: "Least severe level to log: trace, debug, info, notice, warning, error or critical. (ANNALS_LOG_LEVEL, notice)")
    var logLevel: String?
}

extension Settings {
    /// Reads the settings. docs/configure.md lists the keys with their types and defaults.
    static func read(_ flags: SettingsFlags, environment: [String: String] = ProcessInfo.processInfo.environment) async throws -> Settings {
        let environment = EnvironmentVariablesProvider(environmentVariables: environment)
        var providers: [any ConfigProvider] = [InMemoryProvider(name: "flags", values: flags.values), environment]
        if let file = ConfigReader(provider: environment).string(forKey: "annals.configFile") {
            do {
                providers.append(try await FileProvider<JSONSnapshot>(filePath: .init(file)))
            } catch {
                throw Failure("the configuration file \(file) can't be read: \(error)")
            }
        }
        return try Settings(ConfigReader(providers: providers))
    }

    private init(_ config: ConfigReader) throws {
        let settings = SettingReader(config)
        port = try settings.number("annals.port", in: 0...65_535) ?? port
        host = config.string(forKey: "annals.host") ?? host
        dataDirectory = config.string(forKey: "annals.dataDir") ?? dataDirectory
        masterKeyFile = config.string(forKey: "annals.masterKeyFile")
        auditKeyFile = config.string(forKey: "annals.auditKeyFile")
        auditOrigin = config.string(forKey: "annals.auditOrigin")
        masterKey = config.string(forKey: "annals.masterKey", isSecret: true)
        guard masterKey == nil || masterKeyFile == nil else {
            throw Failure("ANNALS_MASTER_KEY and ANNALS_MASTER_KEY_FILE: set one of them", code: .wrongUse)
        }
        server = try ServerSettings(config)
        refreshGrace = try settings.duration("annals.refreshGrace", in: .zero...(.seconds(60))) ?? refreshGrace
        rebuildsStale = try settings.bool("annals.rebuildStale") ?? rebuildsStale
        if let name = config.string(forKey: "annals.logLevel") {
            guard let level = Logger.Level(rawValue: name) else { throw Failure("ANNALS_LOG_LEVEL: \(name) is not a log level", code: .wrongUse) }
            logLevel = level
        }
        databases = try DatabaseURLs(config)
    }
}

extension DatabaseURLs {
    fileprivate init?(_ config: ConfigReader) throws {
        let names = ["log", "read", "identity", "vault"]
        func secret(_ name: String...) throws -> String? {
            let key = ["annals"] + name + ["url"]
            let value = config.string(forKey: ConfigKey(key), isSecret: true)
            guard let file = config.string(forKey: ConfigKey(key + ["file"])) else { return value }
            let variable = key.joined(separator: "_").uppercased()
            guard value == nil else { throw Failure("\(variable) and \(variable)_FILE: set one of them", code: .wrongUse) }
            guard let data = FileManager.default.contents(atPath: file) else { throw Failure("the file \(file) can't be read (\(variable)_FILE)") }
            return String(decoding: data, as: UTF8.self).split(whereSeparator: \.isNewline).first.map(String.init)
        }
        let urls = try names.map { try secret($0) }
        if urls.allSatisfy({ $0 == nil }) { return nil }
        guard let log = urls[0], let read = urls[1], let identity = urls[2], let vault = urls[3] else {
            let missing = zip(names, urls).filter { $0.1 == nil }.map { "ANNALS_\($0.0.uppercased())_URL" }
            throw Failure("\(missing.joined(separator: ", ")) must be set too: the four databases go together")
        }
        self.init(
            log: log, read: read, identity: identity, vault: vault,
            logDirect: try secret("log", "direct"),
            readDirect: try secret("read", "direct"),
            pooling: try Pooling(setting: config.string(forKey: "annals.pooling") ?? "session"))
    }
}

extension Pooling {
    fileprivate init(setting: String) throws {
        switch setting {
        case "session": self = .session
        case "transaction": self = .transaction
        default: throw Failure("ANNALS_POOLING: \(setting) is neither session nor transaction", code: .wrongUse)
        }
    }
}

extension SettingsFlags {
    fileprivate var values: [AbsoluteConfigKey: ConfigValue] {
        var values: [AbsoluteConfigKey: ConfigValue] = [:]
        func set(_ name: String, _ value: String?) {
            if let value { values[AbsoluteConfigKey(["annals", name])] = ConfigValue(.string(value), isSecret: false) }
        }
        set("port", port.map(String.init))
        set("host", host)
        set("dataDir", dataDir)
        set("logLevel", logLevel)
        return values
    }
}
