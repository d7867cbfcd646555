/// The SQL that a read model may hold, as far as its text tells; `SQLFile.checkReach` asks the server for the rest.
enum SQLRules {
    private static let sharedSchemas: Set<String> = ["annals", "public", "information_schema"]
    private static let commentable: Set<String> = ["table", "column", "index", "constraint"]

    /// Refuses everything but tables and their indexes in `table.sql` and `indexes.sql`, and what a rebuild or a crash would break.
    static func checkDefinitions(in file: SQLFile) throws(ReadModelError) {
        let words = file.tokens.map { file.text(of: $0) } + ["", ""]
        for (index, token) in file.tokens.enumerated() {
            let next = words[index + 1]
            switch (token.kind, words[index]) {
            case (.parameter, let text): throw file.refusal(at: token, "\(text) has no value here: only events have parameters")
            case (.word, "unique"),
                (.word, "exclude") where next == "(" || next == "using":
                throw file.refusal(
                    at: token, "\(words[index].uppercased()) is not allowed: a rebuild applies streams side by side, so two rows may briefly collide")
            case (.word, "references"):
                throw file.refusal(at: token, "REFERENCES is not allowed: streams are applied side by side while a table is rebuilt")
            case (.word, "concurrently"): throw file.refusal(at: token, "CONCURRENTLY can't run in the transaction that makes the tables")
            case (.word, "set") where next == "unlogged" || next == "schema", (.word, "owner") where next == "to":
                throw file.refusal(
                    at: token, "\(words[index]) \(next) is not allowed: the tables are the projector's, in the model's schema, and outlive a crash")
            case (.word, "row") where next == "level":
                throw file.refusal(at: token, "ROW LEVEL SECURITY is not allowed: queries would silently see less than the tables hold")
            default: break
            }
        }
        for statement in file.statements { try checkDefinition(Array(statement), in: file) }
    }

    private static func checkDefinition(_ statement: [SQLToken], in file: SQLFile) throws(ReadModelError) {
        guard let first = statement.first else { return }
        let words = statement.prefix(3).map { file.text(of: $0) } + ["", "", ""]
        let isAllowed =
            switch words[0] {
            case "create": words[1] == "table" || words[1] == "index"
            case "alter": words[1] == "table"
            case "comment": words[1] == "on" && commentable.contains(words[2])
            default: throw file.refusal(at: first, "only CREATE, ALTER and COMMENT may stand here, not \(words[0])")
            }
        guard isAllowed else {
            throw file.refusal(
                at: first, "only CREATE TABLE, CREATE INDEX, ALTER TABLE and COMMENT on these may stand here, not \(words[0]) \(words[1])")
        }
    }

    /// The tables that a file of definitions makes.
    static func tablesMade(by file: SQLFile) -> Set<String> {
        var names: Set<String> = []
        for statement in file.statements {
            let words = statement.map { file.text(of: $0) }
            guard words.starts(with: ["create", "table"]) else { continue }
            let name = words.dropFirst(2).drop { ["if", "not", "exists"].contains($0) }
            // A name before a dot is a schema.
            if let table = name.first, name.dropFirst().first != "." { names.insert(table.trimmingQuotes) }
        }
        return names
    }

    /// Refuses names with a schema in definitions: a rebuild makes the tables in another one. What stands before a dot is a table of the model's own,
    /// or `pg_catalog`.
    static func checkDefinedNames(in file: SQLFile, of model: String, tables: Set<String>) throws(ReadModelError) {
        for (token, name) in qualifiers(in: file) where name != "pg_catalog" && (name == model || !tables.contains(name)) {
            throw name == model ? ownSchema(token, model, file) : foreignSchema(token, name, file)
        }
    }

    /// Refuses tables that are named with the model's own schema, which a rebuild makes in another one, or with a schema that belongs to no read
    /// model. Those of other read models are told from names of tables and aliases by the server, in `SQLFile.checkReach`.
    static func checkNames(in file: SQLFile, of model: String, tables: Set<String>) throws(ReadModelError) {
        let introducing: Set<String> = ["into", "update", "from", "join", "using", "only"]
        for (token, name) in qualifiers(in: file) {
            if sharedSchemas.contains(name) || (name.hasPrefix("pg_") && name != "pg_catalog") { throw foreignSchema(token, name, file) }
            guard name == model else { continue }
            // With a table of that name, `model.id` is a column; then only the places where a table is named are looked at.
            let before = file.tokens.last { $0.range.upperBound <= token.range.lowerBound }
            if !tables.contains(model) || before.map({ introducing.contains(file.text(of: $0)) }) == true { throw ownSchema(token, model, file) }
        }
    }

    /// Refuses lines `-- annals: …` that mean nothing in this file.
    static func checkDeclarations(in file: SQLFile, known: Set<String>) throws(ReadModelError) {
        for (word, line) in file.declarations where !known.contains(word) {
            throw ReadModelError(file: file.path, line: line, reason: "-- annals: \(word) has no meaning here")
        }
    }

    /// Refuses everything but one statement that changes rows.
    static func checkStatement(in file: SQLFile) throws(ReadModelError) {
        let statements = file.statements
        guard let first = statements.first?.first else { throw file.refusal("the file holds no statement") }
        if statements.count > 1, let second = statements[1].first {
            throw file.refusal(at: second, "a second statement: there may be one for each event type")
        }
        guard ["insert", "update", "delete", "merge", "with"].contains(file.text(of: first)) else {
            throw file.refusal(at: first, "the statement must be an INSERT, UPDATE, DELETE or MERGE, not \(file.text(of: first))")
        }
    }

    /// Names that a dot follows, and none comes before.
    private static func qualifiers(in file: SQLFile) -> [(token: SQLToken, name: String)] {
        let texts = [""] + file.tokens.map { file.text(of: $0) } + [""]
        return file.tokens.enumerated().compactMap { index, token in
            guard token.kind == .word || token.kind == .quotedName, texts[index + 2] == ".", texts[index] != "." else { return nil }
            return (token, texts[index + 1].trimmingQuotes)
        }
    }

    private static func ownSchema(_ token: SQLToken, _ model: String, _ file: SQLFile) -> ReadModelError {
        file.refusal(at: token, "\(model). is not allowed: a rebuild makes the tables in another schema, so they are named without it")
    }

    private static func foreignSchema(_ token: SQLToken, _ name: String, _ file: SQLFile) -> ReadModelError {
        file.refusal(at: token, "\(name). is not allowed: a read model has no tables but its own, which are named without a schema")
    }
}

extension String {
    /// A quoted name without its quotes.
    var trimmingQuotes: String {
        hasPrefix("\"") && hasSuffix("\"") && count > 1 ? String(dropFirst().dropLast()) : self
    }
}
