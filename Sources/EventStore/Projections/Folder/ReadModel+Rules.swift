import EventSourcing
import Postgres

extension ReadModel {
    /// Refuses what a folder may not hold. Throws `ReadModelError` at the first fault: in the definitions, then in the order of the files' names.
    func checkRules(_ catalog: EventCatalog) throws(ReadModelError) {
        let made = SQLRules.tablesMade(by: tables)
        let definitions: [(SQLFile, Set<String>)] = [(indexes, []), (tables, ["serial"])]
        for (file, declarations) in definitions {
            try SQLRules.checkDeclarations(in: file, known: declarations)
            try SQLRules.checkDefinitions(in: file)
            try SQLRules.checkDefinedNames(in: file, of: name, tables: made)
            try SQLRules.checkDeterminism(of: file)
        }
        for (file, declarations) in changes {
            try SQLRules.checkDeclarations(in: file, known: declarations)
            try SQLRules.checkNames(in: file, of: name, tables: made)
            try SQLRules.checkStatement(in: file)
            try SQLRules.checkDeterminism(of: file)
        }
        try checkErasures(catalog)
    }

    /// The files that change rows, with what each may declare, in the order of their names.
    private var changes: [(SQLFile, Set<String>)] {
        let all: [(SQLFile, Set<String>)] = statements.values.map { ($0.file, []) } + sets.values.map { ($0.file, ["repeats"]) }
        return all.sorted { $0.0.path < $1.0.path }
    }
}

extension ReadModel {
    /// A version whose SQL the read database keeps; its folder may hold another by now. Throws `ReadModelError` when it is not kept.
    static func stored(_ name: String, version: String, catalog: EventCatalog, in pool: ConnectionPool) async throws -> ReadModel {
        var files: [String: String] = [:]
        for row in try await pool.query(.readVersion, [.text(name), .text(version)]) {
            files[try row.get(0)] = try row.get(1, as: String.self)
        }
        return try ReadModel(name: name, files: files, catalog: catalog, isStored: true)
    }
}

extension Statement {
    fileprivate static let readVersion = Statement(
        "read_version",
        "SELECT file.key, file.value FROM annals.read_model_versions, jsonb_each_text(sql) AS file WHERE model = $1 AND version = $2")
}
