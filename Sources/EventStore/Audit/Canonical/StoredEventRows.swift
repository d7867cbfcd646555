/// Some rows of the log in order, in the bytes that came from the database.
package protocol StoredEventRows: Sendable {
    /// Calls `body` with each event in order; returns the last one's position, nil when there is none. Rows are valid only inside `body`.
    @discardableResult
    func forEach(_ body: (StoredEventRow) throws -> Void) throws -> Int64?
}
