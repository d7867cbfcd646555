import CLibpq
import Glibc

/// One row of a result. Columns count from 0.
package struct Row: Sendable {
    let result: QueryResult
    let index: Int32

    /// The column's value. Throws `RowDecodingError` naming the column, the type wanted and the type there.
    package func get<T: SQLDecodable>(_ column: Int, as type: T.Type = T.self) throws -> T {
        let field = field(column)
        guard let value = T.decode(field) else { throw error(column, field, wanted: "\(T.self)") }
        return value
    }

    /// Whether the column is NULL.
    package func isNull(_ column: Int) -> Bool {
        check(column)
        return PQgetisnull(result.pointer, index, Int32(column)) == 1
    }

    /// The bytes as they came, empty for NULL; `jsonb` without its version byte. Valid only inside `body`.
    package func withBytes<R>(_ column: Int, _ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        let field = field(column)
        return try body(field.content ?? UnsafeRawBufferPointer(start: nil, count: 0))
    }

    /// A `timestamptz` in milliseconds since 1970 UTC, rounded down.
    package func milliseconds(_ column: Int) throws -> Int64 {
        guard let value = try millisecondsOrNil(column) else { throw error(column, field(column), wanted: "milliseconds") }
        return value
    }

    /// A `timestamptz` in milliseconds since 1970 UTC, nil for NULL.
    package func millisecondsOrNil(_ column: Int) throws -> Int64? {
        let field = field(column)
        guard let bytes = field.bytes else { return nil }
        guard field.type == SQLType.timestamptz || field.type == SQLType.timestamp else { throw error(column, field, wanted: "milliseconds") }
        return PostgresTime.milliseconds(fromMicroseconds: Int64(bigEndian: bytes.loadUnaligned(as: Int64.self)))
    }

    private func check(_ column: Int) {
        precondition(column >= 0 && column < Int(PQnfields(result.pointer)), "column \(column) of \(PQnfields(result.pointer))")
    }

    private func field(_ column: Int) -> SQLField {
        check(column)
        let (pointer, column) = (result.pointer, Int32(column))
        guard PQgetisnull(pointer, index, column) == 0, let value = PQgetvalue(pointer, index, column) else {
            return SQLField(type: PQftype(pointer, column), bytes: nil)
        }
        return SQLField(type: PQftype(pointer, column), bytes: UnsafeRawBufferPointer(start: value, count: Int(PQgetlength(pointer, index, column))))
    }

    private func error(_ column: Int, _ field: SQLField, wanted: String) -> RowDecodingError {
        RowDecodingError(
            column: PQfname(result.pointer, Int32(column)).map { String(cString: $0) } ?? "\(column)", wanted: wanted,
            actual: field.bytes == nil ? "NULL" : "type \(field.type)")
    }
}

/// A column isn't of the type the program expects: the statement and the code that reads it disagree.
package struct RowDecodingError: Error, Equatable, CustomStringConvertible {
    /// The column's name.
    package let column: String
    /// The Swift type asked for.
    package let wanted: String
    /// `NULL`, or the PostgreSQL type's object identifier.
    package let actual: String

    /// All three parts.
    package init(column: String, wanted: String, actual: String) {
        self.column = column
        self.wanted = wanted
        self.actual = actual
    }

    /// Names the column and both types; never the value.
    package var description: String { "column \(column): wanted \(wanted), found \(actual)" }
}

/// A finished result. It owns libpq's memory, and rows decode in place from it.
package final class QueryResult: Sendable {
    // A PGresult is never changed once libpq has handed it out, and only deinit frees it.
    nonisolated(unsafe) let pointer: OpaquePointer
    /// Number of rows.
    package let count: Int

    /// Takes over `pointer`.
    init(_ pointer: OpaquePointer) {
        self.pointer = pointer
        count = Int(PQntuples(pointer))
    }

    deinit { PQclear(pointer) }

    /// The types of the columns, as the server numbers them.
    package var columnTypes: [UInt32] { (0..<PQnfields(pointer)).map { PQftype(pointer, $0) } }

    /// Rows inserted, updated, deleted, copied or selected.
    package var affectedRows: Int { PQcmdTuples(pointer).map { atol($0) } ?? 0 }

    /// The command tag: `INSERT 0 1`, `COMMIT`, …
    var commandTag: String { PQcmdStatus(pointer).map { String(cString: $0) } ?? "" }

    /// Row number `row`, from 0. Traps when there is none, like an array.
    package subscript(row: Int) -> Row {
        precondition(row >= 0 && row < count, "row \(row) of \(count)")
        return Row(result: self, index: Int32(row))
    }

    /// The first row, nil when there is none.
    package var first: Row? { count == 0 ? nil : Row(result: self, index: 0) }
}

extension QueryResult: Sequence {
    /// Walks the rows in order.
    package struct Iterator: IteratorProtocol {
        let result: QueryResult
        var index = 0

        /// The next row.
        package mutating func next() -> Row? {
            guard index < result.count else { return nil }
            defer { index += 1 }
            return Row(result: result, index: Int32(index))
        }
    }

    /// The rows in order.
    package func makeIterator() -> Iterator { Iterator(result: self) }
    /// Exact.
    package var underestimatedCount: Int { count }
}
