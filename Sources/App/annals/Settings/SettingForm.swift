/// The form that a setting's text must have: how it is named, read and shown.
struct SettingForm<Value: Sendable>: Sendable {
    /// In a few words, as tables and errors name it.
    let name: String
    let read: @Sendable (String) throws(Misfit) -> Value
    let show: @Sendable (Value) -> String
    /// Whether an error may quote the text.
    var isSecret = false

    init(_ name: String, show: @escaping @Sendable (Value) -> String, read: @escaping @Sendable (String) throws(Misfit) -> Value) {
        self.name = name
        self.read = read
        self.show = show
    }
}

/// The text, or the part of a list, that does not have the form.
struct Misfit: Error {
    let text: String
}

extension SettingForm {
    /// A form whose text is read as a whole.
    init(whole name: String, show: @escaping @Sendable (Value) -> String, read: @escaping @Sendable (String) -> Value?) {
        self.init(name, show: show) { text throws(Misfit) in
            guard let value = read(text) else { throw Misfit(text: text) }
            return value
        }
    }

    /// The same form for a setting that may be absent, which `absent` puts into words.
    static func optional<Wrapped>(_ form: SettingForm<Wrapped>, absent: String) -> Self where Value == Wrapped? {
        var optional = Self(form.name, show: { $0.map(form.show) ?? absent }, read: form.read)
        optional.isSecret = form.isSecret
        return optional
    }

    /// The same form, or the word `off` for none.
    static func offOr<Wrapped>(_ form: SettingForm<Wrapped>) -> Self where Value == Wrapped? {
        Self("off, or \(form.name)", show: { $0.map(form.show) ?? "off" }) { text throws(Misfit) in text == "off" ? nil : try form.read(text) }
    }

    /// Elements of a form, separated by commas.
    static func list<Element>(_ form: SettingForm<Element>) -> Self where Value == [Element] {
        Self("\(form.name), separated by commas", show: { $0.isEmpty ? "none" : $0.map(form.show).joined(separator: ",") }) { text throws(Misfit) in
            var list: [Element] = []
            for part in text.split(separator: ",") { list.append(try form.read(String(part.trimmingPrefix { $0 == " " }.prefix { $0 != " " }))) }
            return list
        }
    }
}

extension SettingForm<Int> {
    static func number(_ range: ClosedRange<Int>) -> Self {
        Self(whole: "a number from \(range.lowerBound) to \(range.upperBound)", show: { "\($0)" }) { text in
            Int(text).flatMap { range.contains($0) ? $0 : nil }
        }
    }
}

extension SettingForm<Double> {
    static var share: Self {
        Self(whole: "a number from 0 to 1", show: { "\($0)" }) { text in Double(text).flatMap { (0...1).contains($0) ? $0 : nil } }
    }
}

extension SettingForm<Duration> {
    static func duration(_ range: ClosedRange<Duration>) -> Self {
        Self(whole: "a duration from \(range.lowerBound.setting) to \(range.upperBound.setting)", show: \.setting) { text in
            Duration(setting: text).flatMap { range.contains($0) ? $0 : nil }
        }
    }
}

extension SettingForm<Bool> {
    static var flag: Self { Self(whole: "true or false", show: { "\($0)" }, read: { Bool($0) }) }
}

extension SettingForm<String> {
    static func text(_ name: String) -> Self { Self(name, show: { $0 }) { text in text } }

    /// A text that nothing shows.
    static func secret(_ name: String, show: @escaping @Sendable (String) -> String = { _ in "<redacted>" }) -> Self {
        var form = Self(name, show: show) { text in text }
        form.isSecret = true
        return form
    }
}

extension SettingForm where Value: CaseIterable & RawRepresentable<String> {
    /// One of a few words.
    static var word: Self {
        Self(whole: "one of " + Value.allCases.map(\.rawValue).joined(separator: ", "), show: \.rawValue, read: { Value(rawValue: $0) })
    }
}

extension Duration {
    /// In milliseconds, the largest first.
    private static let units: [(name: String, length: Int64)] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)]

    /// A whole number and a unit: `500ms`, `30s`, `5m`, `1h`, `365d`.
    init?(setting text: String) {
        let digits = text.prefix { "0"..."9" ~= $0 }
        guard let count = Int32(digits), let unit = Self.units.first(where: { $0.name == text.dropFirst(digits.count) }) else { return nil }
        self = .milliseconds(Int64(count) * unit.length)
    }

    /// The same, in the largest unit of which it is a whole number.
    var setting: String {
        let milliseconds = components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
        let unit = Self.units.first { milliseconds % $0.length == 0 && milliseconds >= $0.length } ?? ("s", 1000)
        return "\(milliseconds / unit.length)\(unit.name)"
    }
}
