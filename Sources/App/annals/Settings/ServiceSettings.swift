import Logging
import PublishingAPI
import Redis
import Upstreams

/// Where services listen for other processes, and where these find them.
struct ServiceSettings: Sendable {
    /// Those that listen beside the gateway, which clients reach.
    static let listening: [Component] = [.auth, .commands, .queries, .projector, .relay]

    var host = "127.0.0.1"
    /// Where instances of a service are; nil where the service listens by these very settings.
    var locations: [ServiceName: ServiceLocation] = [:]
    /// Where the gateway asks whether the projectors are ready; none are asked where none are named.
    var projectors: [Instance] = []
    /// As what a service registers itself; nil is the address that it listens on.
    var advertisedHost: String?
    /// The DNS server that is asked; nil is the machine's.
    var dnsServer: Instance?
    private var ports: [Component: Int] = [.auth: 3001, .commands: 3002, .queries: 3003, .projector: 3004, .relay: 3005]

    /// The port that a component listens on; 0 is any free one.
    subscript(port component: Component) -> Int {
        get { ports[component] ?? 0 }
        set { ports[component] = newValue }
    }

    /// Finds the instances of services. Throws a `Failure` where a location is a Redis that is not named.
    /// - Parameter components: the services of this process. Only their own places and those of the services that they call are looked at.
    func discovery(for components: Set<Component>, _ redis: RedisClient?, logger: Logger) throws -> ConfiguredDiscovery {
        var all: [ServiceName: ServiceLocation] = [:]
        for component in Self.listening {
            guard let name = component.service, components.contains(where: { $0 == component || $0.calls.contains(name) }) else { continue }
            let location = locations[name] ?? .fixed([Instance(host: host, port: self[port: component])])
            if location == .redis, redis == nil { throw Failure("ANNALS_REDIS_URL must be set: ANNALS_\(name.rawValue.uppercased())_AT is redis") }
            all[name] = location
        }
        return ConfiguredDiscovery(all, redis: redis, dnsServer: dnsServer, logger: logger)
    }
}
