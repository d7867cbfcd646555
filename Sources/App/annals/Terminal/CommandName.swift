import FoundationEssentials

/// How the user calls this program. `bin/annals` says so in the environment; anything else is on the user's path.
enum CommandName {
    /// A command as the user would type it: `bin/annals keys list` or `annals keys list`.
    static func of(_ command: String, environment: [String: String] = ProcessInfo.processInfo.environment) -> String {
        "\(environment["ANNALS_COMMAND"] ?? "annals") \(command)"
    }
}
