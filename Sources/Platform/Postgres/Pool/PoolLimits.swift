/// How many connections, how long they live, and how long callers wait.
package struct PoolLimits: Sendable {
    /// Connections open at once.
    package var maximumConnections = 20
    /// Connections kept although nobody needs them.
    package var minimumConnections = 0
    /// A connection idle for longer is closed.
    package var idleTimeout: Duration = .seconds(30)
    /// For one attempt to connect, settings included.
    package var connectTimeout: Duration = .seconds(10)
    /// A connection is replaced at this age, give or take 10 %, so that a pool's connections don't all end at once.
    package var lifetime: Duration = .seconds(30 * 60)
    /// The server ends a statement after this, whatever is set for the database; nil for never. Ten seconds later the client gives the connection up.
    /// With `Pooling.transaction` only the client does: the server's part is a setting of the role.
    package var statementTimeout: Duration? = .seconds(30)
    /// How many connections may carry `query` and `atomically`, all callers' statements interleaved.
    package var multiplexedConnections = 2
    /// Requests under way at once on one of those.
    package var pipelineDepth = 64
    /// How long a caller waits for a connection, or for the database to come back; no longer than its `Deadline`.
    package var acquireTimeout: Duration = .seconds(10)
    /// How statements reach the server. Always `.unnamed` with `Pooling.transaction`.
    package var prepare: PreparationMode = .named
    /// How long `run()` waits for queries in flight when it is cancelled.
    package var closeTimeout: Duration = .seconds(1)

    /// The values above.
    package init() {}
}
