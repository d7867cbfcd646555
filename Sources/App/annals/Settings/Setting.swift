/// One row of the table of settings, as it was read.
struct Setting: Sendable {
    /// The services that make use of it. The raw value is the name in tables.
    typealias Service = Component

    /// Where its value came from: of several the first that has one.
    enum Source: String, Sendable {
        case flag, environment, file
        case fallback = "default"
    }

    /// The key of the file of settings itself.
    static let configFile = "configFile"

    /// Its name below `annals` in the file: `rateLimit`, `log.url`.
    let key: String
    /// Its form in a few words: `number from 0 to 65535`.
    let form: String
    /// The default, and the value in force. Secrets are masked.
    let fallback: String
    var value: String
    var source: Source
    /// As it is configured, for a process of its services. It may be a secret, and is never shown; nil for the default.
    let text: String?
    let services: [Service]
    /// One sentence.
    let purpose: String

    /// Its name in the environment: `rateLimit` is `ANNALS_RATE_LIMIT`.
    var variable: String { Self.variable(key) }

    static func variable(_ key: String) -> String {
        key.reduce(into: "ANNALS_") { $0 += $1 == "." ? "_" : $1.isUppercase ? "_\($1)" : $1.uppercased() }
    }
}

extension [Setting.Service] {
    static var all: Self { Element.allCases }
    /// Those that keep connections to databases.
    static var withDatabases: Self { [.auth, .commands, .queries, .projector, .relay] }
    static var gateway: Self { [.gateway] }
}
