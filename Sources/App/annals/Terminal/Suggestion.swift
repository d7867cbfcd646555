import FoundationEssentials

/// The known name that a mistyped one most likely stands for.
enum Suggestion {
    /// `; did you mean posts?`, or nothing if no name is close.
    static func text(for typed: String, among names: some Sequence<String>) -> String {
        closest(to: typed, among: names).map { "; did you mean \($0)?" } ?? ""
    }

    /// The name within two edits, or three of a long one, with the fewest edits; the first of several.
    static func closest(to typed: String, among names: some Sequence<String>) -> String? {
        let allowed = typed.utf8.count > 8 ? 3 : 2
        return names.map { (name: $0, edits: edits(from: Array(typed.utf8.prefix(64)), to: Array($0.utf8))) }
            .filter { $0.edits <= allowed && $0.edits < $0.name.utf8.count }
            .min { $0.edits < $1.edits }?.name
    }

    /// Levenshtein's distance of bytes: the fewest insertions, deletions and replacements.
    private static func edits(from typed: [UInt8], to name: [UInt8]) -> Int {
        var row = Array(0...name.count)
        for (i, byte) in typed.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, other) in name.enumerated() {
                let replaced = diagonal + (byte == other ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(replaced, row[j] + 1, row[j + 1] + 1)
            }
        }
        return row[name.count]
    }
}

/// How the user calls this program. `bin/annals` says so in the environment; anything else is on the user's path.
enum CommandName {
    /// A command as the user would type it: `bin/annals keys list` or `annals keys list`.
    static func of(_ command: String, environment: [String: String] = ProcessInfo.processInfo.environment) -> String {
        "\(environment["ANNALS_COMMAND"] ?? "annals") \(command)"
    }
}
