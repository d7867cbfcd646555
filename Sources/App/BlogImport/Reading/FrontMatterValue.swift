/// A value of front matter, whichever syntax it was written in.
///
/// Scalars keep the text they were written with: a title `2018` stays "2018", and dates are read by one reader (``BlogDate``) rather than by two parsers.
package indirect enum FrontMatterValue: Sendable, Equatable {
    case null
    case text(String)
    case list([FrontMatterValue])
    case table([String: FrontMatterValue])

    /// Deeper values are dropped: nothing read here is nested further, and YAML aliases could otherwise grow without bound when expanded.
    static let maximumDepth = 4

    /// The value of that name when this is a table that has one; null counts as absent.
    package subscript(_ name: String) -> FrontMatterValue? {
        guard case .table(let fields) = self, let value = fields[name], value != .null else { return nil }
        return value
    }

    /// The text without the space around it, when this is a text with more than space in it.
    package var text: String? {
        guard case .text(let text) = self else { return nil }
        let trimmed = text.trimmed
        return trimmed.isEmpty ? nil : trimmed
    }

    /// True or false as YAML 1.1 and TOML spell them, quoted or not; nil for anything else.
    package var bool: Bool? {
        switch text?.lowercased() {
        case "true", "yes", "on", "y": true
        case "false", "no", "off", "n": false
        default: nil
        }
    }

    /// The names in a text, a list of texts, or tables with a `name`, in their order.
    package var names: [String] {
        switch self {
        case .null: []
        case .text: text.map { [$0] } ?? []
        case .list(let values): values.flatMap(\.names)
        case .table: (self["name"] ?? self["key"])?.names ?? []
        }
    }
}

extension String {
    /// Without white space at either end.
    var trimmed: String {
        var view = unicodeScalars[...]
        while let first = view.first, first.properties.isWhitespace { view.removeFirst() }
        while let last = view.last, last.properties.isWhitespace { view.removeLast() }
        return String(view)
    }
}
