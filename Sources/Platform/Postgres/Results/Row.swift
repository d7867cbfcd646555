import CLibpq

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
        return SQLField(
            type: PQftype(pointer, column), bytes: UnsafeRawBufferPointer(start: value, count: Int(PQgetlength(pointer, index, column))))
    }

    private func error(_ column: Int, _ field: SQLField, wanted: String) -> RowDecodingError {
        RowDecodingError(
            column: PQfname(result.pointer, Int32(column)).map { String(cString: $0) } ?? "\(column)", wanted: wanted,
            actual: field.bytes == nil ? "NULL" : "type \(field.type)")
    }
}
