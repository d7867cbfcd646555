/// One SQL statement with a name. It is prepared once per connection, so names and texts are constants of the program, never built from data.
package struct Statement: Sendable, Hashable {
    /// Shown in logs, errors and `pg_prepared_statements`.
    package let name: String
    /// The text, with `$1`, `$2`, … for values.
    package let sql: String

    /// A statement called `name`.
    package init(_ name: String, _ sql: String) {
        self.name = name
        self.sql = sql
    }
}

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
