package import EventSourcing
package import JSON

/// Reads a body field by field and remembers everything that is wrong with it, so that the caller learns of all of it at once.
///
/// Each reading function yields nil or a harmless value after a violation; `finish()` must be called before any of them is used. A field that is null
/// is absent.
package struct Fields: Sendable {
    let object: JSONObject
    var violations = Violations()
    private var known: Set<WireText> = []

    package init(_ object: JSONObject) { self.object = object }

    /// A required value of a type that has a rule of its own; `finish(_:)` gives it out.
    package mutating func required<Value: TextValue>(_ name: String, as type: Value.Type = Value.self) -> Value? {
        guard let value = take(name) else {
            violations.add(name, "is required")
            return nil
        }
        return read(value, of: name)
    }

    /// The same, and it may be absent.
    package mutating func optional<Value: TextValue>(_ name: String, as type: Value.Type = Value.self) -> Value? {
        take(name).flatMap { read($0, of: name) }
    }

    /// The same where null says something: the value without text.
    package mutating func clearable<Value: TextValue>(_ name: String, as type: Value.Type = Value.self) -> Value? {
        guard object[name] == .null else { return optional(name) }
        known.insert(WireText(name))
        return read(.string(""), of: name)
    }

    /// A required text of a length in Unicode scalars; empty after a violation.
    package mutating func text(_ name: String, _ length: ClosedRange<Int>) -> String {
        guard let value = take(name) else {
            violations.add(name, "is required")
            return ""
        }
        return text(of: value, name, length)
    }

    /// The same, and it may be absent.
    package mutating func optionalText(_ name: String, _ length: ClosedRange<Int>) -> String? {
        take(name).map { text(of: $0, name, length) }
    }

    /// A truth value that may be absent.
    package mutating func optionalBool(_ name: String) -> Bool? {
        guard let value = take(name) else { return nil }
        guard case .bool(let bool) = value else {
            violations.add(name, "must be true or false")
            return nil
        }
        return bool
    }

    /// A whole number that may be absent.
    package mutating func optionalInteger(_ name: String, in range: ClosedRange<Int64>) -> Int64? {
        guard let value = take(name) else { return nil }
        guard let number = value.int, range ~= number else {
            violations.add(name, "must be a whole number from \(range.lowerBound) to \(range.upperBound)")
            return nil
        }
        return number
    }

    /// A moment that may be absent, as RFC 3339 writes it.
    package mutating func optionalTime(_ name: String) -> Timestamp? {
        guard let value = take(name) else { return nil }
        guard let time = value.text.flatMap({ Timestamp($0) }) else {
            violations.add(name, "must be a time such as 2026-01-31T12:00:00.000Z")
            return nil
        }
        return time
    }

    /// A required word out of a few. Nil after a violation.
    package mutating func choice<Choice: RawRepresentable & CaseIterable>(_ name: String, of type: Choice.Type = Choice.self) -> Choice?
    where Choice.RawValue == String {
        guard let value = take(name) else {
            violations.add(name, "is required")
            return nil
        }
        guard let choice = value.text.flatMap({ text in type.allCases.first { text.hasSameUTF8(as: $0.rawValue) } }) else {
            violations.add(name, "must be one of \(type.allCases.map(\.rawValue).joined(separator: ", "))")
            return nil
        }
        return choice
    }

    /// A required array of different words, each out of those that are known, at least one. Empty after a violation.
    package mutating func words(_ name: String, of known: [String]) -> [String] {
        guard let value = take(name) else {
            violations.add(name, "is required")
            return []
        }
        guard case .array(let elements) = value, !elements.isEmpty, elements.count <= known.count else {
            violations.add(name, "must be an array of 1 to \(known.count) texts")
            return []
        }
        let words = elements.compactMap { element in element.text.flatMap { text in known.first { text.hasSameUTF8(as: $0) } } }
        guard words.count == elements.count else {
            violations.add(name, "must have only words out of \(known.joined(separator: ", "))")
            return []
        }
        guard Set(words).count == words.count else {
            violations.add(name, "may not name anything twice")
            return []
        }
        return words
    }

    /// Whether the body has a field of that name, null or not. Does not count as reading it.
    package func has(_ name: String) -> Bool { object[name] != nil }

    /// Adds a violation that only the route can judge.
    package mutating func refuse(_ field: String, _ message: String) { violations.add(field, message) }

    /// Ends the reading: fields that nobody asked for are violations too, so that a misspelt one is never ignored. Throws all of them as 422.
    package mutating func finish() throws(Problem) {
        for member in object.list where !known.contains(WireText(member.name)) { violations.add(member.name, "is not a field of this request") }
        try violations.check()
    }

    /// Ends the reading and gives out the required values. Throws as `finish()` does.
    package mutating func finish<each Value>(_ required: repeat (each Value)?) throws(Problem) -> (repeat each Value) {
        try finish()
        return (repeat try Self.present(each required))
    }

    private static func present<Value>(_ value: Value?) throws(Problem) -> Value {
        // A value is missing only after a violation, which has ended the reading.
        guard let value else { throw .internalError() }
        return value
    }

    private mutating func take(_ name: String) -> JSONValue? {
        known.insert(WireText(name))
        return object[name].flatMap { $0 == .null ? nil : $0 }
    }

    private mutating func read<Value: TextValue>(_ json: JSONValue, of name: String) -> Value? {
        guard let text = json.text else {
            violations.add(name, "must be a text")
            return nil
        }
        do throws(TextViolation) {
            return try Value(text)
        } catch {
            violations.add(name, error.message)
            return nil
        }
    }

    private mutating func text(of value: JSONValue, _ name: String, _ length: ClosedRange<Int>) -> String {
        guard let text = value.text else {
            violations.add(name, "must be a text")
            return ""
        }
        // PostgreSQL can't store U+0000 in text, and nobody means it.
        if text.utf8.contains(0) {
            violations.add(name, "may not contain U+0000")
        } else if !(length ~= text.unicodeScalars.count) {
            violations.add(name, Self.objection(to: text.unicodeScalars.count, outside: length))
        } else {
            return text
        }
        return ""
    }

    private static func objection(to count: Int, outside length: ClosedRange<Int>) -> String {
        if count == 0 { return "may not be empty" }
        return length.lowerBound == 0 || count > length.upperBound
            ? "may have \(length.upperBound) characters at most, has \(count)" : "must have \(length.lowerBound) characters at least, has \(count)"
    }
}

/// The violations gathered while one request is read.
struct Violations: Sendable {
    private(set) var list: [Violation] = []
    /// With those that the list has no room for.
    private var count = 0

    mutating func add(_ field: String, _ message: String) {
        count += 1
        guard list.count < HTTPLimits.maximumViolations else { return }
        list.append(Violation(Self.shortened(field), message))
    }

    /// Throws them all at once, if any.
    func check() throws(Problem) {
        guard list.isEmpty else { throw .validation(list, of: count) }
    }

    /// The names are the sender's: what is not known here may be as long as a body can be.
    private static func shortened(_ field: String) -> String {
        let limit = HTTPLimits.maximumNameLength
        // Bytes are as many as scalars at least, and counted at once.
        guard field.utf8.count > limit else { return field }
        return String(String.UnicodeScalarView(field.unicodeScalars.prefix(limit)))
    }
}
