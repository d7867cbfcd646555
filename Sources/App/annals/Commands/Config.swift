import ArgumentParser
import Logging
import Postgres

/// `annals config`: the settings in force, with secrets as `<redacted>`.
struct Config: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Show the settings in force, with secrets as <redacted>.")

    @OptionGroup var flags: SettingsFlags

    func run() async throws {
        let settings = try await Settings.read(flags)
        let urls = try settings.databases.map(Databases.init)
        let rows: [(String, String)] =
            [
                ("ANNALS_HOST", settings.host),
                ("ANNALS_PORT", "\(settings.port)"),
                ("ANNALS_DATA_DIR", settings.dataDirectory),
                ("ANNALS_LOG_URL", urls?.log.redacted ?? "private"),
                ("ANNALS_READ_URL", urls?.read.redacted ?? "private"),
                ("ANNALS_IDENTITY_URL", urls?.identity.redacted ?? "private"),
                ("ANNALS_VAULT_URL", urls?.vault.redacted ?? "private"),
                ("ANNALS_LOG_DIRECT_URL", urls.map { $0.logDirect?.redacted ?? "none" } ?? "private"),
                ("ANNALS_READ_DIRECT_URL", urls?.readDirect.redacted ?? "private"),
                ("ANNALS_POOLING", "\(urls?.log.pooling ?? .session)"),
                ("ANNALS_MASTER_KEY", settings.masterKey == nil ? "none" : "<redacted>"),
                (
                    "ANNALS_MASTER_KEY_FILE",
                    settings.masterKey == nil ? settings.masterKeyFile ?? "\(settings.dataDirectory)/keys/master.key" : "none"
                ),
                ("ANNALS_AUDIT_KEY_FILE", settings.auditKeyFile ?? "\(settings.dataDirectory)/keys/audit.key"),
                ("ANNALS_AUDIT_ORIGIN", settings.auditOrigin ?? "named after the key"),
                ("ANNALS_REFRESH_GRACE", settings.refreshGrace.setting),
                ("ANNALS_REBUILD_STALE", "\(settings.rebuildsStale)"),
                ("ANNALS_LOG_LEVEL", settings.logLevel.rawValue),
            ] + settings.server.rows
        for (name, value) in rows { printLine("\(name)=\(value)") }
    }
}
