package import JSON

extension JSONValue {
    /// How many rows a node of an executed plan has given. PostgreSQL 18 writes it with decimals.
    package var actualRows: Int64? {
        switch self["Actual Rows"] {
        case .integer(let rows): rows
        case .number(let rows): Int64(rows)
        case nil, .null, .bool, .string, .array, .object: nil
        }
    }
}
