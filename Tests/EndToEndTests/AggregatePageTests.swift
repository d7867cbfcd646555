import EventSourcing
import Foundation
import Projections
import Publishing
import Testing

/// `docs/add-an-aggregate.md` as its reader goes through it: files to write, and lines to add to files that are there.
private struct AggregatePage {
    enum Change: Equatable {
        case write(String)
        case insert(String, after: String)
        case replace(String, by: String)
    }

    private(set) var changes: [(path: String, change: Change)] = []

    /// Each block of code is what the paragraph before it says: a new file, an addition, a replacement. A paragraph without a path goes on with the
    /// file before.
    init(_ page: String) {
        var prose = ""
        var block: [String]?
        var path = ""
        for line in page.components(separatedBy: "\n") {
            if line.hasPrefix("```") {
                guard let lines = block else {
                    block = []
                    continue
                }
                block = nil
                let quoted = prose.components(separatedBy: "`").enumerated().filter { $0.offset % 2 == 1 }.map(\.element)
                path = quoted.last { $0.hasPrefix("Sources/") && $0.hasSuffix(".swift") || $0.hasPrefix("projections/") } ?? path
                let text = lines.joined(separator: "\n")
                if prose.contains("New file") {
                    changes.append((path, .write(text + "\n")))
                } else if prose.contains("after"), let line = quoted.last(where: { $0 != path }) {
                    changes.append((path, .insert(text, after: line)))
                } else if prose.contains("replace"), let old = quoted.last(where: { $0 != path }) {
                    changes.append((path, .replace(old, by: text)))
                }
                prose = ""
            } else if block != nil {
                block?.append(line)
            } else if line.hasPrefix("#") {
                prose = ""
            } else {
                prose += line + "\n"
            }
        }
    }

    /// Makes the changes in a copy of the repository. Throws where a line to add to is not there once.
    func apply(to root: String) throws {
        for (path, change) in changes {
            let file = "\(root)/\(path)"
            switch change {
            case .write(let text):
                try FileManager.default.createDirectory(atPath: (file as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
                try text.write(toFile: file, atomically: true, encoding: .utf8)
            case .insert(let text, let line):
                try replaceOnce(line + "\n", by: line + "\n" + text + "\n", in: file)
            case .replace(let old, let new):
                try replaceOnce(old, by: new, in: file)
            }
        }
    }

    private func replaceOnce(_ old: String, by new: String, in file: String) throws {
        let text = try String(contentsOfFile: file, encoding: .utf8)
        try #require(text.components(separatedBy: old).count == 2, "\(old) stands once in \(file)")
        try text.replacingOccurrences(of: old, with: new).write(toFile: file, atomically: true, encoding: .utf8)
    }
}

/// The compiler as the package's build calls it, on other sources.
private struct ModuleCompiler {
    let root: String
    private let plan: [String]

    /// - Parameter root: a copy of the repository with `Sources`.
    init(root: String) throws {
        self.root = root
        let folder = Launch.binary.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        plan = try String(contentsOf: folder.appendingPathComponent("debug.yaml"), encoding: .utf8).components(separatedBy: "\n")
    }

    /// Compiles a module, so that the next ones see it, and returns what the compiler says.
    func compile(_ module: String, in folder: String) async throws -> String {
        let modules = root + "/Modules"
        try FileManager.default.createDirectory(atPath: modules, withIntermediateDirectories: true)
        let sources = "find '\(root)/Sources/\(folder)/\(module)' -name '*.swift' | sort"
        let flags = try flags(of: module).map { "'\($0)'" }.joined(separator: " ")
        return try await Shell.run(
            "swiftc -module-name \(module) -emit-module -emit-module-path '\(modules)/\(module).swiftmodule' -wmo -I '\(modules)' \(flags) $(\(sources)) 2>&1"
        )
    }

    /// The flags that say how to compile: where modules are, the language's mode and features, the package's name.
    private func flags(of module: String) throws -> [String] {
        let start = try #require(plan.firstIndex { $0.hasPrefix("  \"C.\(module)-") && $0.hasSuffix("-debug.module\":") })
        let line = try #require(plan[start...].first { $0.hasPrefix("    args: ") })
        let arguments = try JSONDecoder().decode([String].self, from: Data(line.dropFirst("    args: ".count).utf8))
        let begin = try #require(arguments.firstIndex(of: "-I"))
        let left: Set = ["-incremental", "-enable-batch-mode", "-serialize-diagnostics", "-parseable-output", "-emit-objc-header"]
        let leftWithValue: Set = ["-index-store-path", "-emit-objc-header-path"]
        var flags: [String] = []
        var index = begin
        while index < arguments.endIndex {
            let argument = arguments[index]
            if leftWithValue.contains(argument) {
                index += 1
            } else if !left.contains(argument), !argument.hasSuffix(".swift") {
                flags.append(argument)
            }
            index += 1
        }
        return flags
    }
}

@Suite(.timeLimit(.minutes(longestTest))) struct `The page that adds an aggregate` {
    @Test func `holds word by word, in fifteen files`() async throws {
        let page = AggregatePage(try String(contentsOfFile: repositoryRoot + "/docs/add-an-aggregate.md", encoding: .utf8))
        // The description of the API is the fifteenth.
        #expect(Set(page.changes.map(\.path)).count == 14)
        try await withDataDirectory { root in
            for folder in ["Sources/Publishing", "Sources/Services", "projections"] {
                let copy = "\(root)/\(folder)"
                try FileManager.default.createDirectory(atPath: (copy as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
                try FileManager.default.copyItem(atPath: "\(repositoryRoot)/\(folder)", toPath: copy)
            }
            try page.apply(to: root)

            let compiler = try ModuleCompiler(root: root)
            for (module, layer) in [
                ("PublishingAPI", "Publishing"), ("Publishing", "Publishing"), ("CommandService", "Services"), ("QueryService", "Services"),
            ] {
                let output = try await compiler.compile(module, in: layer)
                #expect(!output.contains("error:"), "\(output)")
            }

            // The schemas as the page has them; the compiler has just read the same.
            let comments = [
                EventSchema("CommentDrafted", in: "comment", [.open("author", .id), .open("post", .id), .personal("text")]),
                EventSchema("CommentEdited", in: "comment", [.personal("text")]), EventSchema("CommentDeleted", in: "comment", erases: true, []),
            ]
            let catalog = EventCatalog(Array(EventCatalog.publishing.schemas.values) + comments)
            _ = try ReadModel.load(folder: root + "/projections/comments", catalog: catalog)
        }
    }
}
