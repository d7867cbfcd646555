package import PublishingAPI

/// Instances that the configuration lists. They never change.
package struct StaticDiscovery: Discovery {
    private let lists: InstanceLists

    package init(_ instances: [ServiceName: [Instance]]) { lists = InstanceLists(instances) }

    package func instances(of service: ServiceName) -> AsyncStream<[Instance]> { lists.changes(of: service) }

    package func run() async throws { for await _ in AsyncStream<Never>.makeStream().stream {} }
}
