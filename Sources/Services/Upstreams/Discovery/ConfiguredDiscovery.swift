package import Logging
package import PublishingAPI
package import Redis

/// The instances of each service, found where the configuration says.
package struct ConfiguredDiscovery: Discovery {
    private let sources: [ServiceName: any Discovery]
    private let all: [any Discovery]

    /// - Parameters:
    ///   - redis: where a location is `redis`. Without it such a service has no instances.
    ///   - dnsServer: asked instead of the machine's.
    package init(_ locations: [ServiceName: ServiceLocation], redis: RedisClient? = nil, dnsServer: Instance? = nil, logger: Logger) {
        var fixed: [ServiceName: [Instance]] = [:]
        var questions: [ServiceName: DNSQuestion] = [:]
        var registered: [ServiceName] = []
        for (service, location) in locations {
            switch location {
            case .fixed(let instances): fixed[service] = instances
            case .dns(let name, let port): questions[service] = .addresses(of: name, port: port)
            case .srv(let name): questions[service] = .services(name)
            case .redis: registered.append(service)
            }
        }
        let list = StaticDiscovery(fixed)
        let dns = DNSDiscovery(questions, resolver: DNSResolver(server: dnsServer), logger: logger)
        let registry = redis.map { ServiceRegistry($0, following: registered, logger: logger) }
        var sources: [ServiceName: any Discovery] = [:]
        for service in fixed.keys { sources[service] = list }
        for service in questions.keys { sources[service] = dns }
        if let registry { for service in registered { sources[service] = registry } }
        self.sources = sources
        all = [list] + (questions.isEmpty ? [] : [dns]) + (registered.isEmpty ? [] : registry.map { [$0] } ?? [])
    }

    package func instances(of service: ServiceName) -> AsyncStream<[Instance]> {
        sources[service]?.instances(of: service) ?? StaticDiscovery([:]).instances(of: service)
    }

    package func run() async throws {
        try await withThrowingTaskGroup { group in
            for source in all { group.addTask { try await source.run() } }
            try await group.waitForAll()
        }
    }
}
