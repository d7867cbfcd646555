import Foundation
import Testing

/// A Markdown page of the repository.
private struct Page {
    /// From the repository's root.
    let path: String
    /// Without its blocks of code.
    let prose: [String]

    init(path: String) throws {
        self.path = path
        var isCode = false
        prose = try String(contentsOfFile: "\(repositoryRoot)/\(path)", encoding: .utf8).components(separatedBy: "\n").filter { line in
            if line.hasPrefix("```") { isCode.toggle() }
            return !isCode && !line.hasPrefix("```")
        }
    }

    /// Every page of the repository.
    static func all() throws -> [Page] {
        let folders = ["", "docs/", "docs/decisions/", "Benchmarks/"]
        return try folders.flatMap { folder in
            try FileManager.default.contentsOfDirectory(atPath: "\(repositoryRoot)/\(folder)").filter { $0.hasSuffix(".md") }.sorted()
                .map { try Page(path: folder + $0) }
        }
    }

    /// The targets of its links to other files of the repository, or to places in it.
    var links: [String] {
        prose.flatMap { $0.matches(of: #/\]\(([^)\s]+)\)/#).map { String($0.output.1) } }.filter { !$0.contains("://") }
    }

    /// The paths from the repository's root that it names in backquotes, but for those of files that its reader is to make. A pattern such as
    /// `projections/<model>/` is not a path.
    var paths: [String] {
        let text = prose.joined(separator: " ").replacing(#/New file `[^`]*`/#, with: "")
        return text.matches(of: #/`((?:Sources|Tests|docs|migrations|deploy|Benchmarks|bin)/[^`\s]*)`/#).map { String($0.output.1) }
            .filter { !$0.contains("<") && !$0.contains("…") && !$0.contains("*") }
    }

    /// The names that links give to its headings.
    var anchors: Set<String> {
        Set(
            prose.filter { $0.hasPrefix("#") }.map { heading in
                heading.drop { $0 == "#" || $0 == " " }.lowercased().filter { $0.isLetter || $0.isNumber || $0 == " " || $0 == "-" || $0 == "_" }
                    .replacing(" ", with: "-")
            })
    }
}

@Suite(.timeLimit(.minutes(longestTest))) struct `The documents` {
    @Test func `link only to what is there`() throws {
        let pages = try Page.all()
        let anchors = Dictionary(uniqueKeysWithValues: pages.map { ($0.path, $0.anchors) })
        #expect(pages.count > 30)
        for page in pages {
            for link in page.links {
                let parts = link.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
                let folder = (page.path as NSString).deletingLastPathComponent
                let path = URL(filePath: "/" + [folder, parts[0]].filter { !$0.isEmpty }.joined(separator: "/")).standardized.path
                let target = parts[0].isEmpty ? page.path : String(path.trimmingPrefix("/"))
                #expect(FileManager.default.fileExists(atPath: "\(repositoryRoot)/\(target)"), "\(page.path): \(link)")
                if parts.count == 2 { #expect(anchors[target]?.contains(parts[1]) == true, "\(page.path): \(link)") }
            }
        }
    }

    @Test func `name only files and folders that are there`() throws {
        for page in try Page.all() {
            for path in page.paths { #expect(FileManager.default.fileExists(atPath: "\(repositoryRoot)/\(path)"), "\(page.path): \(path)") }
        }
    }

    @Test func `are wrapped at 100 columns, but for tables and words that are longer`() throws {
        for page in try Page.all() {
            for line in page.prose where line.count > 100 && !line.hasPrefix("|") {
                #expect(!line.drop { $0 == " " }.contains(" "), "\(page.path): \(line)")
            }
        }
    }

    @Test func `keep the architecture short`() throws {
        let words = try String(contentsOfFile: repositoryRoot + "/docs/architecture.md", encoding: .utf8).split { $0.isWhitespace }
        #expect(words.count <= 1500)
    }
}
