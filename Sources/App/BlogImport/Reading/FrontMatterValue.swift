/// A value of front matter, whichever syntax it was written in.
///
/// Scalars keep the text they were written with: a title `2018` stays "2018", and one reader (``BlogDate``) reads the dates of all syntaxes.
package indirect enum FrontMatterValue: Sendable, Equatable {
    case null
    case text(String)
    case list([FrontMatterValue])
    case table([String: FrontMatterValue])

    /// Deeper values are dropped: nothing read here is nested further, and YAML aliases could otherwise grow without bound when expanded.
    static let maximumDepth = 4

    /// The value of that name when this is a table that has one; null counts as absent. `publishDate`, `PublishDate` and `publish_date` are one name.
    package subscript(_ name: String) -> FrontMatterValue? { all(name).first }

    /// The values of that name in all its spellings, the one that is spelt as asked for first.
    func all(_ name: String) -> [FrontMatterValue] {
        guard case .table(let fields) = self else { return [] }
        let key = Self.key(name)
        return fields.filter { $0.value != .null && Self.key($0.key) == key }
            .sorted { ($0.key != name ? 1 : 0, $0.key) < ($1.key != name ? 1 : 0, $1.key) }.map(\.value)
    }

    private static func key(_ name: String) -> String { name.lowercased().filter { $0 != "_" && $0 != "-" && $0 != " " } }

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
