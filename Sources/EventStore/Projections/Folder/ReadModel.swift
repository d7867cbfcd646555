package import EventSourcing
import FoundationEssentials
import JSON
package import Postgres

/// One read model: the SQL of its folder, checked. It also names the schema that its tables live in.
package struct ReadModel: Sendable {
    package let name: String
    /// Every `.sql` file by its name in the folder; what a version is made of.
    package let files: [String: String]
    /// Whether this is a version that the read database keeps. It has passed the rules of its time, so today's are not asked.
    let isStored: Bool
    let tables: SQLFile
    let indexes: SQLFile
    /// By event type. An event without a statement leaves the model as it is.
    let statements: [String: EventStatement]
    /// Forms for many events at once, by event type: for some of those that have a statement.
    let sets: [String: SetStatement]
    /// The event types that erase what their stream is about.
    let erasing: Set<String>

    private static let tableFile = "table.sql"
    private static let indexFile = "indexes.sql"
    private static let reservedNames: Set<String> = ["annals", "public", "information_schema"]

    /// Whether its SQL needs the order between streams: `table.sql` says so in a line `-- annals: serial`.
    var isSerial: Bool { tables.declares("serial") }

    /// A model as its folder has it: held to the rules and the event types there are. Throws `ReadModelError` at the first fault.
    package init(name: String, files: [String: String], catalog: EventCatalog) throws(ReadModelError) {
        try self.init(name: name, files: files, catalog: catalog, isStored: false)
        try checkRules(catalog)
    }

    /// A model whose files are not held to the rules, only to the event types that there are. Throws `ReadModelError` at the first fault, in the
    /// order of the files' names.
    init(name: String, files: [String: String], catalog: EventCatalog, isStored: Bool) throws(ReadModelError) {
        guard Self.isSchemaName(name) else {
            throw ReadModelError(file: name, reason: "a read model is named like a schema: a-z, 0-9 and single _, not one of PostgreSQL's own")
        }
        guard let tableText = files[Self.tableFile] else { throw ReadModelError(file: "\(name)/\(Self.tableFile)", reason: "the file is missing") }
        var statements: [String: EventStatement] = [:]
        var sets: [String: SetStatement] = [:]
        for (fileName, text) in files.sorted(by: { $0.key < $1.key }) where fileName != Self.tableFile && fileName != Self.indexFile {
            let file = SQLFile(path: "\(name)/\(fileName)", text: text)
            let isSet = fileName.hasSuffix(SetStatement.suffix)
            let type = String(fileName.dropLast(isSet ? SetStatement.suffix.count : ".sql".count))
            guard let schema = catalog[type] else { throw file.refusal("there is no event type \(type)") }
            if isSet {
                guard files["\(type).sql"] != nil else {
                    throw file.refusal("there is no \(type).sql beside it: a set that fails is applied event by event")
                }
                sets[type] = try SetStatement(file, for: schema)
            } else {
                statements[type] = try EventStatement(file, for: schema)
            }
        }
        self.name = name
        self.files = files
        self.isStored = isStored
        self.statements = statements
        self.sets = sets
        erasing = catalog.erasing
        tables = SQLFile(path: "\(name)/\(Self.tableFile)", text: tableText)
        indexes = SQLFile(path: "\(name)/\(Self.indexFile)", text: files[Self.indexFile] ?? "")
    }

    /// Reads a folder; its name is the model's. Other files than `.sql` are for people.
    package static func load(folder: String, catalog: EventCatalog) throws(ReadModelError) -> ReadModel {
        let url = URL(filePath: folder, directoryHint: .isDirectory)
        let name = url.lastPathComponent
        var files: [String: String] = [:]
        for file in try list(folder, as: name) where file.lowercased().hasSuffix(".sql") {
            guard file.hasSuffix(".sql") else {
                throw ReadModelError(file: "\(name)/\(file)", reason: "the name must end with .sql in lower case, or it would not be read")
            }
            guard let data = FileManager.default.contents(atPath: "\(folder)/\(file)"), let text = String(bytes: data, encoding: .utf8) else {
                throw ReadModelError(file: "\(name)/\(file)", reason: "the file is not valid UTF-8")
            }
            files[file] = text
        }
        return try ReadModel(name: name, files: files, catalog: catalog)
    }

    /// Reads every folder in `root`, in the order of their names.
    package static func loadAll(root: String, catalog: EventCatalog) throws(ReadModelError) -> [ReadModel] {
        var models: [ReadModel] = []
        for folder in try loadEach(root: root, catalog: catalog) { models.append(try folder.model.get()) }
        return models
    }

    /// Reads every folder in `root`, each by itself: one that is refused does not hide the others.
    package static func loadEach(
        root: String, catalog: EventCatalog
    ) throws(ReadModelError) -> [(name: String, model: Result<ReadModel, ReadModelError>)] {
        var folders: [(name: String, model: Result<ReadModel, ReadModelError>)] = []
        for name in try list(root, as: root) {
            var isFolder = false
            guard FileManager.default.fileExists(atPath: "\(root)/\(name)", isDirectory: &isFolder), isFolder else { continue }
            do {
                folders.append((name, .success(try load(folder: "\(root)/\(name)", catalog: catalog))))
            } catch {
                folders.append((name, .failure(error)))
            }
        }
        return folders
    }

    private static func list(_ folder: String, as name: String) throws(ReadModelError) -> [String] {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: folder).filter { !$0.hasPrefix(".") }.sorted()
        } catch {
            throw ReadModelError(file: name, reason: "the folder can't be read")
        }
    }

    private static func isSchemaName(_ name: String) -> Bool {
        let letters = Unicode.Scalar("a")...Unicode.Scalar("z")
        guard let first = name.unicodeScalars.first, letters.contains(first) else { return false }
        // Two underscores set off the number of a build that is not live; PostgreSQL cuts names at 63 bytes, and that number must still fit.
        guard !name.hasPrefix("pg_"), !name.contains("__"), !reservedNames.contains(name) else { return false }
        return name.utf8.count <= 40
            && name.unicodeScalars.allSatisfy { letters.contains($0) || (Unicode.Scalar("0")...Unicode.Scalar("9")).contains($0) || $0 == "_" }
    }
}

extension ReadModel {
    /// The files as one text, in the order of their names. It is stored, and the version is its digest.
    var canonicalSQL: String {
        var writer = JSONWriter()
        writer.object { writer in
            for (name, text) in files.sorted(by: { $0.key < $1.key }) {
                writer.name(name)
                writer.string(text)
            }
        }
        return writer.text
    }
}

extension ReadModel {
    /// The version that these files are: the SHA-256 of their canonical form, in hexadecimal. The server computes it, so that this module needs no
    /// cryptography.
    package func version(by pool: ConnectionPool) async throws -> String {
        try await pool.query(.digest, [.text(canonicalSQL)])[0].get(0)
    }
}

extension Statement {
    fileprivate static let digest = Statement("digest", "SELECT encode(sha256(convert_to($1, 'UTF8')), 'hex')")
}

/// Why a read model's folder is refused: one line that names the file and, where it can, the line in it.
package struct ReadModelError: Error, Equatable, CustomStringConvertible {
    /// The file, from the folder of all read models: `posts/PostDrafted.sql`.
    package let file: String
    /// From 1; nil when the whole file is meant.
    package var line: Int?
    package let reason: String

    /// `posts/PostDrafted.sql:3: there is no parameter :titel`
    package var description: String { line.map { "\(file):\($0): \(reason)" } ?? "\(file): \(reason)" }
}
