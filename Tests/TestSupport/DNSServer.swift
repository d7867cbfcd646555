import Glibc

/// A dnsmasq of one test's own, on loopback. It knows what the test tells it, and nothing else.
package final class DNSServer: Sendable {
    private let server: ChildServer

    package static func with(_ body: (DNSServer) async throws -> Void) async throws {
        let server = DNSServer(server: try ChildServer("dns"))
        defer { server.kill() }
        try await body(server)
    }

    private init(server: ChildServer) { self.server = server }

    package var port: Int { server.port }

    /// Starts it, again if it runs.
    /// - Parameters:
    ///   - hosts: lines as in `/etc/hosts`.
    ///   - services: SRV records as dnsmasq writes them: name, target, port, priority, weight.
    ///   - timeToLive: of all answers, in seconds.
    package func start(hosts: [String] = [], services: [String] = [], aliases: [String] = [], timeToLive: Int = 7) async throws {
        server.kill()
        try server.write(hosts.joined(separator: "\n") + "\n", to: "hosts")
        let fixed = [
            "dnsmasq", "--keep-in-foreground", "--log-facility=-", "--conf-file=/dev/null", "--user=", "--group=", "--no-resolv", "--no-hosts",
            "--addn-hosts=\(server.folder)/hosts", "--listen-address=127.0.0.1", "--bind-interfaces", "--port=\(port)",
            "--pid-file=\(server.folder)/dnsmasq.pid", "--local=/example/", "--local-ttl=\(timeToLive)",
        ]
        try await server.start(
            fixed + services.map { "--srv-host=\($0)" } + aliases.map { "--cname=\($0)" }, readyWhen: "read \(server.folder)/hosts")
    }

    package func kill() { server.kill() }
    package func pause() { server.pause() }
    package func resume() { server.resume() }
}
