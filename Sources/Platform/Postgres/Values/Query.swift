/// A statement with its values.
package struct Query: Sendable {
    /// The statement.
    package let statement: Statement
    /// `$1`, `$2`, … in order; at most 65,535.
    package let values: [SQLValue]

    /// Binds `values` to `statement`.
    package init(_ statement: Statement, _ values: [SQLValue] = []) {
        self.statement = statement
        self.values = values
    }
}
