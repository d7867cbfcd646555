/// A blog's own list of authors: display names by key, from `authors.yml` and the like.
struct AuthorDirectory {
    /// The places of Jekyll, Hugo and Zola, the first that is there counts.
    static let paths = [
        "authors.yml", "authors.yaml", "authors.toml", "_data/authors.yml", "_data/authors.yaml", "data/authors.yml", "data/authors.yaml",
        "data/authors.toml",
    ]

    let displayNames: [String: String]

    /// Reads a table of `key: name` or of `key: {name: …}`.
    init(_ text: String, path: String) throws(FrontMatterError) {
        let value = path.hasSuffix(".toml") ? try FrontMatterValue.parsingTOML(text) : try FrontMatterValue.parsingYAML(text).0
        guard case .table(let authors) = value else { throw .notATable }
        displayNames = authors.compactMapValues { ($0["name"] ?? $0["display_name"] ?? $0).text }
    }
}
