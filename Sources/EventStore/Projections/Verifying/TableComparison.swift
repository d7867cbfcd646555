import EventSourcing
import Postgres

/// A row that the live table and the fold of the log do not share. Names it by its key, and tells nothing else that it holds.
package struct RowDifference: Sendable, Hashable, CustomStringConvertible {
    package enum Kind: Sendable, Hashable {
        /// Only the live table has it.
        case liveOnly
        /// Only the fold of the log has it.
        case foldOnly
        /// Both have it, with other values in these columns.
        case columns([String])
        /// The table has no key, has other columns, or is missing on one side.
        case table(String)
    }

    package let table: String
    /// The key's columns with their values; empty for a difference of the table.
    package let key: String
    package let kind: Kind

    package var description: String {
        switch kind {
        case .liveOnly: "\(table) \(key): only in the live table"
        case .foldOnly: "\(table) \(key): only in the fold of the log"
        case .columns(let names): "\(table) \(key): differs in \(names.joined(separator: ", "))"
        case .table(let reason): "\(table): \(reason)"
        }
    }
}

/// Compares the tables of two schemas, all in one snapshot.
struct TableComparison {
    /// So many differing rows of a table are named.
    private static let named = 10

    private(set) var rows: [String: Int64] = [:]
    private(set) var differences: [RowDifference] = []

    /// A table as the server describes it.
    fileprivate struct Shape: Equatable {
        /// The columns of its key; none when it has none.
        let key: [String]
        /// By name, with their types in the same order.
        let columns: [String]
        let types: [String]
    }

    static func run(live: String, folded: String, in session: Session) async throws -> TableComparison {
        var comparison = TableComparison()
        let (liveTables, foldedTables) = (try await tables(of: live, in: session), try await tables(of: folded, in: session))
        for table in Set(liveTables.keys).union(foldedTables.keys).sorted() {
            guard let shape = liveTables[table], let foldedShape = foldedTables[table] else {
                comparison.note(table, liveTables[table] == nil ? "only in the fold of the log" : "only among the live tables")
                continue
            }
            guard shape == foldedShape else {
                comparison.note(table, "its columns or its key are not those that its SQL makes")
                continue
            }
            try await comparison.compare(table, shape, live, folded, in: session)
        }
        return comparison
    }

    private static func tables(of schema: String, in session: Session) async throws -> [String: Shape] {
        var tables: [String: Shape] = [:]
        for row in try await session.query(.tablesAndColumns, [.text(schema)]) {
            tables[try row.get(0)] = Shape(key: try row.get(1), columns: try row.get(2), types: try row.get(3))
        }
        return tables
    }

    private mutating func note(_ table: String, _ reason: String) {
        differences.append(RowDifference(table: table, key: "", kind: .table(reason)))
    }

    private mutating func compare(_ table: String, _ shape: Shape, _ live: String, _ folded: String, in session: Session) async throws {
        let (liveTable, foldedTable) = ("\(live).\(table.quoted)", "\(folded).\(table.quoted)")
        rows[table] = try await session.query(Statement("count \(liveTable)", "SELECT count(*) FROM \(liveTable)"))[0].get(0)
        guard !shape.key.isEmpty else { return try await compareWithoutKey(table, shape, liveTable, foldedTable, in: session) }
        let sql = """
            SELECT \(shape.nameOfRow), \("live".column(shape.key[0])) IS NULL, \("folded".column(shape.key[0])) IS NULL, \(shape.namesOfDifferences)
            FROM \(liveTable) AS live FULL JOIN \(foldedTable) AS folded ON \(shape.isSameKey)
            WHERE \(shape.row(of: "live")) IS DISTINCT FROM \(shape.row(of: "folded"))
            ORDER BY \(shape.key.map(shape.either).joined(separator: ", ")) LIMIT \(Self.named)
            """
        for row in try await session.query(Statement("compare \(liveTable)", sql)) {
            let kind: RowDifference.Kind =
                if try row.get(1) { .foldOnly } else if try row.get(2) { .liveOnly } else { .columns(try row.get(3)) }
            differences.append(RowDifference(table: table, key: try row.get(0), kind: kind))
        }
    }

    private mutating func compareWithoutKey(_ table: String, _ shape: Shape, _ live: String, _ folded: String, in session: Session) async throws {
        let row = try await session.query(
            Statement(
                "compare \(live)",
                """
                SELECT count(*) FROM (SELECT \(shape.row(of: "live")) AS content, count(*) AS times FROM \(live) AS live GROUP BY 1) AS l
                FULL JOIN (SELECT \(shape.row(of: "folded")) AS content, count(*) AS times FROM \(folded) AS folded GROUP BY 1) AS f
                    USING (content, times)
                WHERE l.content IS NULL OR f.content IS NULL
                """))[0]
        let count: Int64 = try row.get(0)
        if count > 0 { note(table, "\(count) rows differ; it has no key to name them by") }
    }
}

/// SQL expressions over a live row and a folded one. Each column is named with its table's alias: a name alone might be that of another column.
extension TableComparison.Shape {
    /// The key's columns with their values, as text.
    fileprivate var nameOfRow: String {
        "concat_ws(', ', \(key.map { "\("\($0) ".literal) || \(either($0))::text" }.joined(separator: ", ")))"
    }

    fileprivate var isSameKey: String {
        key.map { "\("live".column($0)) = \("folded".column($0))" }.joined(separator: " AND ")
    }

    /// The names of the columns with different values, an array.
    fileprivate var namesOfDifferences: String {
        let names = columns.map {
            "CASE WHEN \("live".column($0))::text IS DISTINCT FROM \("folded".column($0))::text THEN \($0.literal) END"
        }
        return "array_remove(ARRAY[\(names.joined(separator: ", "))]::text[], NULL)"
    }

    /// A column of whichever row is there.
    fileprivate func either(_ column: String) -> String {
        "COALESCE(\("live".column(column)), \("folded".column(column)))"
    }

    /// The whole row as text.
    fileprivate func row(of alias: String) -> String {
        "ROW(\(columns.map(alias.column).joined(separator: ", ")))::text"
    }
}

extension String {
    /// A column of the table with this alias.
    fileprivate func column(_ name: String) -> String { "\(self).\(name.quoted)" }

    /// As an SQL identifier.
    fileprivate var quoted: String { "\"" + split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\"" }
    /// As an SQL literal.
    fileprivate var literal: String { "'" + split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''") + "'" }
}

extension Statement {
    fileprivate static let tablesAndColumns = Statement(
        "tables_and_columns",
        """
        SELECT c.relname::text,
            ARRAY(
                SELECT a.attname::text FROM pg_index AS i CROSS JOIN unnest(i.indkey) WITH ORDINALITY AS k (number, place)
                JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = k.number
                WHERE i.indrelid = c.oid AND i.indisprimary ORDER BY k.place
            ),
            ARRAY(
                SELECT a.attname::text FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attname
            ),
            ARRAY(
                SELECT format_type(a.atttypid, a.atttypmod) FROM pg_attribute AS a
                WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attname
            )
        FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND NOT c.relispartition
        """)
}
