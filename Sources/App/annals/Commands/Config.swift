import ArgumentParser
import JSON

/// `annals config`: every setting with its value and where it comes from.
struct Config: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show every setting, its value and where that comes from.", discussion: "Secrets are shown as <redacted>.")

    @OptionGroup var flags: SettingsFlags

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        let settings = try await Settings.read(flags)
        // Refuses what `up` would refuse.
        _ = try settings.databases.map { try ServiceDatabases($0) }
        settings.complaints.forEach { printError("annals: \($0)") }
        if json { return printLine(JSONValue.array(settings.table.map { .object($0.members) }).serialized) }
        var table = TextTable("SETTING", "VALUE", "FROM")
        for setting in settings.table { table.add(setting.variable, setting.value, setting.source.rawValue) }
        table.lines.forEach(printLine)
    }
}

extension Setting {
    fileprivate var members: JSONObject {
        [
            "key": .string("annals.\(key)"), "variable": .string(variable), "value": .string(value), "source": .string(source.rawValue),
            "default": .string(fallback), "form": .string(form), "services": .array(services.map { .string($0.rawValue) }),
            "purpose": .string(purpose),
        ]
    }
}
