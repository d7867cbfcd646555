import Configuration
import Gateway

/// Reads settings of a few forms. A setting in another form ends the program with a line that names it.
struct SettingReader {
    private let config: ConfigReader

    init(_ config: ConfigReader) { self.config = config }

    /// A number in a file is not a string to the configuration's reader, and a number in the environment is nothing but a string.
    private func text(_ key: ConfigKey) -> String? { config.string(forKey: key) ?? config.int(forKey: key).map(String.init) }

    /// Comma-separated.
    func list(_ key: ConfigKey) -> [String] {
        (text(key) ?? "").split(separator: ",").map { $0.drop { $0 == " " } }.map { part in String(part.prefix { $0 != " " }) }
    }

    func bool(_ key: ConfigKey) throws -> Bool? {
        guard let text = text(key) else { return nil }
        guard let value = Bool(text) else { throw Failure("\(key.variable): \(text) is neither true nor false", code: .wrongUse) }
        return value
    }

    func number(_ key: ConfigKey, in range: ClosedRange<Int>) throws -> Int? {
        guard let text = text(key) else { return nil }
        guard let value = Int(text), range.contains(value) else {
            throw Failure("\(key.variable): \(text) is not a number from \(range.lowerBound) to \(range.upperBound)", code: .wrongUse)
        }
        return value
    }

    /// A duration; nil also for `off`, if that is allowed.
    func duration(_ key: ConfigKey, orOff: Bool = false, in range: ClosedRange<Duration>) throws -> Duration? {
        guard let text = text(key), !(orOff && text == "off") else { return nil }
        guard let value = Duration(setting: text), range.contains(value) else {
            throw Failure(
                "\(key.variable): \(text) is not a duration such as 30s from \(range.lowerBound.setting) to \(range.upperBound.setting)",
                code: .wrongUse)
        }
        return value
    }

    /// A rate limit; nil for `off`.
    func rateLimit(_ key: ConfigKey, default fallback: RateLimit?) throws -> RateLimit? {
        guard let text = text(key) else { return fallback }
        if text == "off" { return nil }
        guard let limit = RateLimit(text) else {
            throw Failure("\(key.variable): \(text) is neither off nor a limit such as 100/60s", code: .wrongUse)
        }
        return limit
    }
}

extension ConfigKey {
    /// Its name in the environment: `annals.rateLimit` is `ANNALS_RATE_LIMIT`.
    fileprivate var variable: String {
        components.joined(separator: "_").reduce(into: "") { $0 += $1.isUppercase ? "_\($1)" : $1.uppercased() }
    }
}

extension Duration {
    private static let units: [(name: String, duration: Duration)] = [
        ("ms", .milliseconds(1)), ("s", .seconds(1)), ("m", .seconds(60)), ("h", .seconds(3600)), ("d", .seconds(86_400)),
    ]

    /// A whole number and a unit: `500ms`, `30s`, `5m`, `1h`, `365d`.
    init?(setting text: String) {
        let digits = text.prefix { "0"..."9" ~= $0 }
        guard let count = Int32(digits), let unit = Self.units.first(where: { $0.name == text.dropFirst(digits.count) }) else { return nil }
        self = unit.duration * Int(count)
    }

    /// The same in seconds, or in milliseconds if it is not a whole number of seconds.
    var setting: String {
        let (seconds, rest) = components
        return rest == 0 ? "\(seconds)s" : "\(seconds * 1000 + rest / 1_000_000_000_000_000)ms"
    }
}
