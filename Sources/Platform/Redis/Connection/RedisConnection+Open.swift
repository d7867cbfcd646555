import NIOCore
import NIOPosix

extension RedisConnection {
    /// Connects, logs in and chooses the database. The server has answered when it returns.
    static func open(
        _ target: RedisTarget, _ limits: RedisLimits, onMessage: (@Sendable (String, String) -> Void)? = nil
    ) async throws(RedisError) -> RedisConnection {
        let connection = try await connect(target, limits, onMessage: onMessage)
        do throws(RedisError) {
            for command in target.greeting { _ = try await connection.send(command, within: limits.connecting) }
            return connection
        } catch {
            connection.close(error)
            throw error
        }
    }

    private static func connect(
        _ target: RedisTarget, _ limits: RedisLimits, onMessage: (@Sendable (String, String) -> Void)?
    ) async throws(RedisError) -> RedisConnection {
        let bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .connectTimeout(TimeAmount(limits.connecting))
        let prepare: @Sendable (any Channel) -> EventLoopFuture<RedisConnection> = { channel in
            channel.eventLoop.makeCompletedFuture {
                let connection = RedisConnection(channel, limits, onMessage: onMessage)
                let handler = ReplyHandler(receive: connection.receive, end: connection.end)
                try channel.pipeline.syncOperations.addHandler(handler)
                return connection
            }
        }
        do {
            switch target.endpoint {
            case .tcp(let host, let port): return try await bootstrap.connect(host: host, port: port, channelInitializer: prepare)
            case .unixSocket(let path):
                return try await bootstrap.connect(unixDomainSocketPath: path, channelInitializer: prepare)
            }
        } catch {
            throw .unavailable("no connection to \(target): \(reason(error))")
        }
    }

    /// SwiftNIO's own description lists every attempt and its parameters.
    private static func reason(_ error: any Error) -> String {
        guard let error = error as? NIOConnectionError else { return "\(error)" }
        return error.connectionErrors.last.map { "\($0.error)" } ?? "its name can't be resolved"
    }
}

extension RedisTarget {
    /// The first commands of a connection.
    fileprivate var greeting: [RedisCommand] {
        var commands: [RedisCommand] = []
        if let password { commands.append(user.map { RedisCommand("AUTH", $0, password) } ?? RedisCommand("AUTH", password)) }
        if database != 0 { commands.append(RedisCommand("SELECT", String(database))) }
        // A server that hangs is connected to all the same: its kernel does that.
        return commands + [RedisCommand("PING")]
    }
}
