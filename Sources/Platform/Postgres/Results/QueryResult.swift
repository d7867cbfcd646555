import CLibpq
import Glibc

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
