import FoundationEssentials
import JSON

/// Reads settings, each by one call that declares it. What it has read is the table of settings.
final class SettingReader {
    /// Names that this program takes from the environment and that are no settings.
    private static let passed = ["ANNALS_COMMAND"]

    /// The settings read so far.
    private(set) var table: [Setting] = []
    private let flags: [String: String]
    private let environment: [String: String]
    private let services: Set<Setting.Service>
    private var file: [String: String?] = [:]

    /// - Parameters:
    ///   - flags: by the settings' keys.
    ///   - environment: by the settings' variables.
    ///   - services: those that this process runs. Secrets of others are as good as absent.
    init(flags: [String: String] = [:], environment: [String: String] = [:], services: [Setting.Service] = .all) {
        self.flags = flags
        self.environment = environment
        self.services = Set(services)
    }

    /// Whether the secrets of any of these services are read.
    func reads(_ services: [Setting.Service]) -> Bool { !self.services.isDisjoint(with: services) }

    /// Takes a JSON file in as the last source. Its keys stand in an object `annals`; those with dots are objects in objects.
    func take(file path: String) throws {
        guard let data = FileManager.default.contents(atPath: path) else { throw Failure("ANNALS_CONFIG_FILE: \(path) can't be read") }
        do {
            collect(try JSONValue.parse(data), key: "")
        } catch {
            throw Failure("ANNALS_CONFIG_FILE: \(path) is not JSON: \(error)")
        }
    }

    /// Declares a setting, and sets it to what is configured. Unless anything is, it keeps its value, which is the default.
    func callAsFunction<Value>(
        _ setting: inout Value, _ key: String, _ form: SettingForm<Value>, for services: [Setting.Service], _ purpose: String
    ) throws {
        let fallback = setting
        let isNeeded = !form.isSecret || reads(services)
        let (text, source) = isNeeded ? try text(of: key, form.name) : (nil, .fallback)
        if let text {
            do {
                setting = try form.read(text)
            } catch {
                throw Failure("\(Setting.variable(key)) takes \(form.name)\(form.isSecret ? "" : ", not \(error.text)")", code: .wrongUse)
            }
        }
        table.append(
            Setting(
                key: key, form: form.name, fallback: form.show(fallback), value: form.show(setting), source: source, text: text,
                services: services, purpose: purpose))
    }

    /// Declares a secret, which can also stand in the first line of a file. Both at once are refused.
    func secret(
        _ setting: inout String?, _ key: String, _ form: SettingForm<String>, absent: String, for services: [Setting.Service], _ purpose: String
    ) throws {
        let variable = Setting.variable(key)
        try self(&setting, key, .optional(form, absent: absent), for: services, purpose)
        var path: String?
        try self(&path, key + ".file", .optional(.text("a path"), absent: "none"), for: services, "A file with \(variable) in its first line.")
        guard let path, !self.services.isDisjoint(with: services) else { return }
        guard setting == nil else { throw Failure("\(variable) and \(variable)_FILE: set one of them", code: .wrongUse) }
        guard let data = FileManager.default.contents(atPath: path) else { throw Failure("\(variable)_FILE: \(path) can't be read") }
        setting = String(decoding: data, as: UTF8.self).split(whereSeparator: \.isNewline).first.map(String.init)
        table[table.count - 2].value = setting.map(form.show) ?? absent
        table[table.count - 2].source = table[table.count - 1].source
    }

    /// A line for each name that is configured and is no setting, with the nearest that is one.
    var complaints: [String] {
        let variables = table.map(\.variable)
        let typed = environment.keys.filter { $0.hasPrefix("ANNALS_") && !variables.contains($0) && !Self.passed.contains($0) }
        let keys = table.map { "annals.\($0.key)" }
        return typed.sorted().map { "\($0) is no setting\(Suggestion.text(for: $0, among: variables))" }
            + file.keys.filter { !keys.contains($0) }.sorted().map {
                "\($0) in the configuration file is no setting\(Suggestion.text(for: $0, among: keys))"
            }
    }

    private func text(of key: String, _ form: String) throws -> (String?, Setting.Source) {
        if let text = flags[key] { return (text, .flag) }
        if let text = environment[Setting.variable(key)] { return (text, .environment) }
        guard let value = file["annals.\(key)"] else { return (nil, .fallback) }
        guard let text = value else { throw Failure("annals.\(key) in the configuration file takes \(form)", code: .wrongUse) }
        return (text, .file)
    }

    /// Notes the values of a file by their whole keys; nil is one of a kind that no setting has.
    private func collect(_ value: JSONValue, key: String) {
        switch value {
        case .object(let object):
            for member in object.list { collect(member.value, key: key.isEmpty ? member.name : "\(key).\(member.name)") }
        case .string(let text): file[key] = text
        case .integer(let number): file[key] = "\(number)"
        case .bool(let flag): file[key] = "\(flag)"
        case .array(let elements):
            let texts = elements.compactMap(\.text)
            file[key] = .some(texts.count == elements.count ? texts.joined(separator: ",") : nil)
        case .number, .null: file[key] = .some(nil)
        }
    }
}
