/// How many commands may wait on a connection, and how long.
package struct RedisLimits: Sendable {
    /// Commands of one connection that wait for their replies; one more is refused at once.
    package var mostInFlight = 4096
    /// How long connecting and logging in may take.
    package var connecting: Duration = .seconds(2)
    /// How late a reply may be before the connection is given up.
    package var patience: Duration = .seconds(1)
    /// How often the server is asked whether it is there.
    package var pinging: Duration = .seconds(2)

    package init() {}
}
