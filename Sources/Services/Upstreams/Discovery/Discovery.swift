package import PublishingAPI

/// One process that runs a service, as others reach it.
package struct Instance: Hashable, Sendable {
    /// A name or an IP address, IPv6 without brackets.
    package let host: String
    package let port: Int

    package init(host: String, port: Int) {
        self.host = host
        self.port = port
    }
}

extension Instance: CustomStringConvertible {
    package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// Finds the instances of services.
package protocol Discovery: Sendable {
    /// The instances of a service: those known now, then all of them anew at each change. A consumer that is slow misses lists in between, never the
    /// last. Never ends by itself, and never yields a first list before something is known.
    func instances(of service: ServiceName) -> AsyncStream<[Instance]>

    /// Keeps the lists up to date until cancelled.
    func run() async throws
}
