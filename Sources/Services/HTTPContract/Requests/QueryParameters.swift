package import EventSourcing
package import FoundationEssentials
package import Hummingbird

/// Reads a request's query, name by name, and remembers everything that is wrong with it. A parameter that the route does not read is wrong, too: a
/// misspelt one would otherwise be ignored.
///
/// `finish()` must be called before any value is used. It throws 400 for a parameter that can't be read (a broken percent-encoding, a bad id), else
/// 422 with all violations.
package struct QueryParameters: Sendable {
    private var values: [(name: WireText, value: WireText)] = []
    private var malformed: Problem?
    private var violations = Violations()
    private var known: Set<WireText> = []

    package init(_ request: Request) {
        for pair in request.query.split(at: "&") where !pair.isEmpty {
            let (name, value) = pair.cut(at: "=") ?? (pair, "")
            guard let name = name.percentDecoded(plusIsSpace: true), let value = value.percentDecoded(plusIsSpace: true) else {
                malformed = .malformed("The query has a broken percent-encoding.")
                return
            }
            values.append((name, value))
        }
    }

    /// Whether the query has that parameter. Does not count as reading it.
    package func has(_ name: String) -> Bool { values.contains { $0.name == WireText(name) } }

    /// A whole number; the default when absent.
    package mutating func integer(_ name: String, in range: ClosedRange<Int>, default fallback: Int) -> Int {
        integer(name, in: range) ?? fallback
    }

    /// A whole number that may be absent.
    package mutating func integer(_ name: String, in range: ClosedRange<Int>) -> Int? {
        guard let text = take(name) else { return nil }
        guard let number = text.number.flatMap({ Int(exactly: $0) }), range ~= number else {
            violations.add(name, "must be a whole number from \(range.lowerBound) to \(range.upperBound)")
            return nil
        }
        return number
    }

    /// A text that may be absent.
    package mutating func text(_ name: String) -> String? {
        guard let text = take(name) else { return nil }
        guard !text.contains("\0") else {
            violations.add(name, "may not contain U+0000")
            return nil
        }
        return text.string
    }

    /// A name of visible ASCII that may be absent.
    package mutating func name(_ name: String) -> String? {
        guard let text = take(name) else { return nil }
        guard text.isVisibleASCII else {
            violations.add(name, "must be a name of visible ASCII characters")
            return nil
        }
        return text.string
    }

    /// A list's cursor. An empty one is none: it is what a client sends that has not got one yet.
    package mutating func cursor() -> String? {
        guard let cursor = text("cursor"), !cursor.isEmpty else { return nil }
        return cursor
    }

    /// A word out of a few; the default when absent.
    package mutating func choice<Choice>(_ name: String, of choices: [String: Choice], default fallback: Choice) -> Choice {
        guard let text = take(name) else { return fallback }
        guard let choice = choices.first(where: { text == WireText($0.key) })?.value else {
            violations.add(name, "must be one of \(choices.keys.sorted().joined(separator: ", "))")
            return fallback
        }
        return choice
    }

    /// An id that may be absent.
    package mutating func id(_ name: String) -> UUID? {
        guard let text = take(name) else { return nil }
        guard let id = UUID(lowercase: text.text) else {
            malformed = malformed ?? .malformed("The parameter \(name) is not a UUID in lower case.")
            return nil
        }
        return id
    }

    /// A moment that may be absent, as RFC 3339 writes it.
    package mutating func time(_ name: String) -> Timestamp? {
        guard let text = take(name) else { return nil }
        // An offset's `+` arrives as a space when it is not escaped; no time has a space there otherwise.
        guard let time = Timestamp(text.split(at: " ").map(\.string).joined(separator: "+")) else {
            violations.add(name, "must be a time such as 2026-01-31T12:00:00.000Z")
            return nil
        }
        return time
    }

    /// Adds a violation that only the route can judge.
    package mutating func refuse(_ name: String, _ message: String) { violations.add(name, message) }

    /// Throws everything that was wrong at once.
    package func finish() throws(Problem) {
        if let malformed { throw malformed }
        var violations = violations
        var named = known
        for pair in values where named.insert(pair.name).inserted { violations.add(pair.name.string, "is not a parameter of this request") }
        try violations.check()
    }

    private mutating func take(_ name: String) -> WireText? {
        let wanted = WireText(name)
        known.insert(wanted)
        var found: WireText?
        for pair in values where pair.name == wanted {
            guard found == nil else {
                violations.add(name, "is given more than once")
                return nil
            }
            found = pair.value
        }
        return found
    }
}

extension Request {
    /// For a route that takes nothing from the query: every parameter in it is 422.
    package func refuseParameters() throws(Problem) { try QueryParameters(self).finish() }
}
