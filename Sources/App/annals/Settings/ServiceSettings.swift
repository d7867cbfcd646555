import PublishingAPI
import Upstreams

/// Where services listen for other processes, and where these find them.
struct ServiceSettings: Sendable {
    /// Those that listen beside the gateway, which clients reach.
    static let listening: [Component] = [.auth, .commands, .queries, .projector]

    var host = "127.0.0.1"
    /// Where instances of a service are; nil where the service listens by these very settings.
    var locations: [ServiceName: ServiceLocation] = [:]
    private var ports: [Component: Int] = [.auth: 3001, .commands: 3002, .queries: 3003, .projector: 3004]

    /// The port that a component listens on; 0 is any free one.
    subscript(port component: Component) -> Int {
        get { ports[component] ?? 0 }
        set { ports[component] = newValue }
    }

    /// Finds the instances of services.
    func discovery() throws -> any Discovery {
        var instances: [ServiceName: [Instance]] = [:]
        for component in Self.listening {
            guard let name = component.service else { continue }
            switch locations[name] {
            case .fixed(let fixed): instances[name] = fixed
            case nil: instances[name] = [Instance(host: host, port: self[port: component])]
            case .dns, .srv, .redis: throw Failure("ANNALS_\(name.rawValue.uppercased())_AT: only host:port is known yet")
            }
        }
        return StaticDiscovery(instances)
    }
}
