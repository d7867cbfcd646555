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
        /// The table has no key, or is missing on one side.
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

    static func run(live: String, folded: String, in session: Session) async throws -> TableComparison {
        var comparison = TableComparison()
        let (liveTables, foldedTables) = (try await tables(of: live, in: session), try await tables(of: folded, in: session))
        for table in Set(liveTables.keys).union(foldedTables.keys).sorted() {
            guard let key = liveTables[table], foldedTables[table] != nil else {
                let reason = liveTables[table] == nil ? "only in the fold of the log" : "only among the live tables"
                comparison.differences.append(RowDifference(table: table, key: "", kind: .table(reason)))
                continue
            }
            try await comparison.compare(table, key: key, live, folded, in: session)
        }
        return comparison
    }

    /// Each table with the columns of its key, none when it has no key.
    private static func tables(of schema: String, in session: Session) async throws -> [String: [String]] {
        var tables: [String: [String]] = [:]
        for row in try await session.query(.tablesAndKeys, [.text(schema)]) { tables[try row.get(0)] = try row.get(1, as: [String].self) }
        return tables
    }

    private mutating func compare(_ table: String, key: [String], _ live: String, _ folded: String, in session: Session) async throws {
        let (liveTable, foldedTable) = ("\(live).\(table.quoted)", "\(folded).\(table.quoted)")
        rows[table] = try await session.query(Statement("count \(liveTable)", "SELECT count(*) FROM \(liveTable)"))[0].get(0)
        guard !key.isEmpty else { return try await compareWithoutKey(table, liveTable, foldedTable, in: session) }
        let columns = key.map(\.quoted)
        let condition = columns.map { "live.\($0) = folded.\($0)" }.joined(separator: " AND ")
        let order = columns.map { "COALESCE(live.\($0), folded.\($0))" }.joined(separator: ", ")
        let found = try await session.query(
            Statement(
                "compare \(liveTable)",
                """
                SELECT concat_ws(', ', \(key.map { "\("\($0) ".literal) || COALESCE(live.\($0.quoted), folded.\($0.quoted))" }.joined(separator: ", "))),
                    live.\(columns[0]) IS NULL, folded.\(columns[0]) IS NULL,
                    ARRAY(
                        SELECT key FROM jsonb_each_text(to_jsonb(live)) AS l FULL JOIN jsonb_each_text(to_jsonb(folded)) AS f USING (key)
                        WHERE l.value IS DISTINCT FROM f.value ORDER BY key
                    )
                FROM \(liveTable) AS live FULL JOIN \(foldedTable) AS folded ON \(condition)
                WHERE live::text IS DISTINCT FROM folded::text
                ORDER BY \(order) LIMIT \(Self.named)
                """))
        for row in found {
            let kind: RowDifference.Kind =
                if try row.get(1) { .foldOnly } else if try row.get(2) { .liveOnly } else { .columns(try row.get(3)) }
            differences.append(RowDifference(table: table, key: try row.get(0), kind: kind))
        }
    }

    private mutating func compareWithoutKey(_ table: String, _ live: String, _ folded: String, in session: Session) async throws {
        let row = try await session.query(
            Statement(
                "compare \(live)",
                """
                SELECT count(*) FROM (SELECT t::text, count(*) FROM \(live) AS t GROUP BY 1) AS l
                FULL JOIN (SELECT t::text, count(*) FROM \(folded) AS t GROUP BY 1) AS f USING (t, count)
                WHERE l.t IS NULL OR f.t IS NULL
                """))[0]
        let count: Int64 = try row.get(0)
        if count > 0 { differences.append(RowDifference(table: table, key: "", kind: .table("\(count) rows differ; it has no key to name them by"))) }
    }
}

extension String {
    /// As an SQL identifier.
    fileprivate var quoted: String { "\"" + split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\"" }
    /// As an SQL literal.
    fileprivate var literal: String { "'" + split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''") + "'" }
}

extension Statement {
    fileprivate static let tablesAndKeys = Statement(
        "tables_and_keys",
        """
        SELECT c.relname::text, ARRAY(
            SELECT a.attname::text FROM pg_index AS i CROSS JOIN unnest(i.indkey) WITH ORDINALITY AS k (number, place)
            JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = k.number
            WHERE i.indrelid = c.oid AND i.indisprimary ORDER BY k.place
        )
        FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND NOT c.relispartition
        """)
}
