/// How statements reach the server.
package enum PreparationMode: Sendable {
    /// Prepared once per connection, on first use.
    case named
    /// Parsed each time: for poolers in transaction mode, where the next query may meet another server process.
    case unnamed
}
