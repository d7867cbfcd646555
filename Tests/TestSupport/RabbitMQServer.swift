import Glibc

/// A RabbitMQ of the tests' own, with an Erlang port mapper of its own, on loopback. It runs as whoever runs the tests, and keeps everything in its
/// folder.
package final class RabbitMQServer: Sendable {
    /// Bodies that have more bytes are refused.
    package static let maximumBytes = 40_000

    private let server: ChildServer
    private let mapper: ChildServer
    private let distributionPort: Int

    /// One for all tests that leave it alone, each with an exchange and queues of its own. It ends with the test process.
    package static var shared: RabbitMQServer { get async throws { try await starting.value } }

    private static let starting = Task {
        let server = try RabbitMQServer()
        try await server.start()
        return server
    }

    /// One for a test that kills it.
    package static func with(_ body: (RabbitMQServer) async throws -> Void) async throws {
        let server = try RabbitMQServer()
        defer { server.end() }
        try await server.start()
        try await body(server)
    }

    private init() throws {
        server = try ChildServer("rabbitmq")
        mapper = try ChildServer("epmd")
        distributionPort = try ChildServer.freePort()
    }

    package var port: Int { server.port }

    /// As a user who may do everything, unless another is named.
    package func url(user: String = "annals", password: String = "secret") -> String { "amqp://\(user):\(password)@127.0.0.1:\(port)" }

    /// Starts it, with what was stored when it was killed.
    package func start() async throws {
        if mapper.processIdentifier == nil {
            try await mapper.start(["epmd", "-d", "-address", "127.0.0.1", "-port", "\(mapper.port)"], readyWhen: "epmd running")
        }
        try server.write(configuration, to: "rabbitmq.conf")
        try server.write(Self.definitions, to: "definitions.json")
        let folder = server.folder
        // Its own script would put a shell in front of the server, unless systemd is said to have started it.
        let environment = [
            "HOME=\(folder)", "RUNNING_UNDER_SYSTEMD=true", "RABBITMQ_NODENAME=annals-\(port)@localhost", "RABBITMQ_NODE_IP_ADDRESS=127.0.0.1",
            "RABBITMQ_NODE_PORT=\(port)", "RABBITMQ_DIST_PORT=\(distributionPort)", "ERL_EPMD_PORT=\(mapper.port)", "ERL_EPMD_ADDRESS=127.0.0.1",
            "RABBITMQ_MNESIA_BASE=\(folder)/data", "RABBITMQ_LOG_BASE=\(folder)/log", "RABBITMQ_LOGS=-",
            "RABBITMQ_CONFIG_FILE=\(folder)/rabbitmq", "RABBITMQ_CONF_ENV_FILE=\(folder)/none",
            "RABBITMQ_ENABLED_PLUGINS_FILE=\(folder)/none",
        ]
        try await server.start(
            ["/usr/bin/env"] + environment + ["/usr/lib/rabbitmq/bin/rabbitmq-server"], readyWhen: "Server startup complete")
    }

    /// Ends it at once, as a crash does.
    package func kill() { server.kill() }

    package func pause() { server.pause() }
    package func resume() { server.resume() }

    private func end() {
        server.kill()
        mapper.kill()
    }

    private var configuration: String {
        """
        listeners.tcp.1 = 127.0.0.1:\(port)
        loopback_users = none
        load_definitions = \(server.folder)/definitions.json
        max_message_size = \(Self.maximumBytes)
        disk_free_limit.absolute = 1MB
        vm_memory_high_watermark.relative = 0.9
        """
    }

    /// `guest` is who everybody is by default. `stranger` may do nothing. `writer` may write, and declare nothing.
    private static let definitions = """
        {"vhosts": [{"name": "/"}],
         "users": [{"name": "annals", "password": "secret", "tags": ["administrator"]}, {"name": "guest", "password": "guest", "tags": []},
                   {"name": "stranger", "password": "secret", "tags": []}, {"name": "writer", "password": "secret", "tags": []}],
         "permissions": [{"user": "guest", "vhost": "/", "configure": ".*", "write": ".*", "read": ".*"},
                         {"user": "annals", "vhost": "/", "configure": ".*", "write": ".*", "read": ".*"},
                         {"user": "stranger", "vhost": "/", "configure": "^$", "write": "^$", "read": "^$"},
                         {"user": "writer", "vhost": "/", "configure": "^$", "write": ".*", "read": "^$"}]}
        """
}
