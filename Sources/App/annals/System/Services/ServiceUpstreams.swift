import HTTPContract
import Hummingbird
import PublishingAPI
import Synchronization
import Upstreams

/// The services as this process reaches them: its own by a function call, all others over HTTP. Nobody who calls one knows which.
struct ServiceUpstreams {
    /// Those of other processes.
    let clusters: [ServiceName: UpstreamCluster]
    private var own: [ServiceName: OwnService] = [:]

    /// - Parameter own: the services that this process runs; each is added when it is built.
    init(own: [ServiceName], clusters: [ServiceName: UpstreamCluster]) {
        self.clusters = clusters
        for name in own { self.own[name] = OwnService() }
    }

    /// A service that is built later may be asked for before: services call each other.
    subscript(name: ServiceName) -> any Upstream {
        if let own = own[name] { return own }
        if let cluster = clusters[name] { return cluster }
        return OwnService()
    }

    /// Returns when the instances of these services are known, or after a second.
    func find(_ names: Set<ServiceName>) async throws {
        let called = clusters.values.filter { names.contains($0.service) }
        for _ in 0..<200 where called.contains(where: \.state.instances.isEmpty) { try await Task.sleep(for: .milliseconds(5)) }
    }

    /// Adds a service of this process.
    func add(_ name: ServiceName, _ responder: ServiceResponder) { own[name]?.become(responder) }
}

/// A service of this process, from before it is built.
private final class OwnService: Upstream {
    private let responder = Mutex<ServiceResponder?>(nil)

    func become(_ responder: ServiceResponder) { self.responder.withLock { $0 = responder } }

    func send(_ request: Request, context: CallContext) async throws -> Response {
        guard let responder = responder.withLock({ $0 }) else { throw Problem.unavailable() }
        return try await responder.respond(to: request, context: context)
    }
}
