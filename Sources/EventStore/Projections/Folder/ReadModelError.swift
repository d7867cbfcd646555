/// Why a read model's folder is refused: one line that names the file and, where it can, the line in it.
package struct ReadModelError: Error, Equatable, CustomStringConvertible {
    /// The file, from the folder of all read models: `posts/PostDrafted.sql`.
    package let file: String
    /// From 1; nil when the whole file is meant.
    package let line: Int?
    package let reason: String

    package init(file: String, line: Int? = nil, reason: String) {
        self.file = file
        self.line = line
        self.reason = reason
    }

    /// `posts/PostDrafted.sql:3: there is no parameter :titel`
    package var description: String { line.map { "\(file):\($0): \(reason)" } ?? "\(file): \(reason)" }
}
