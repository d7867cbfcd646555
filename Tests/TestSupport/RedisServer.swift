/// A Redis server of one test's own.
package final class RedisServer: Sendable {
    private let server: ChildServer
    private let options: [String]

    /// - Parameter options: lines of its configuration, in the form of arguments (`--requirepass`, `secret`).
    package static func with(_ options: [String] = [], _ body: (RedisServer) async throws -> Void) async throws {
        let server = RedisServer(server: try ChildServer("redis"), options: options)
        defer { server.kill() }
        try await server.start()
        try await body(server)
    }

    private init(server: ChildServer, options: [String]) {
        self.server = server
        self.options = options
    }

    package var port: Int { server.port }
    package var url: String { "redis://127.0.0.1:\(port)" }
    package var socket: String { "\(server.folder)/socket" }

    /// Starts it, empty.
    package func start() async throws {
        let fixed = [
            "--port", "\(port)", "--bind", "127.0.0.1", "--unixsocket", socket, "--dir", server.folder, "--save", "", "--appendonly", "no",
            "--daemonize", "no",
        ]
        try await server.start(["redis-server"] + fixed + options, readyWhen: "Ready to accept connections")
    }

    package func kill() { server.kill() }
    package func pause() { server.pause() }
    package func resume() { server.resume() }
}
