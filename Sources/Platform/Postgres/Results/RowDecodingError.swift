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
