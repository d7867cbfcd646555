import AsyncHTTPClient
import EventSourcing
import Gateway
import HTTPContract
import JSON
import Logging
import NIOCore
import PublishingAPI
import ServiceLifecycle
import Upstreams

/// The gateway with what it depends on: the services behind it, and nothing else. It has no database.
struct GatewayComponent {
    let gateway: APIGateway
    let limits: RateLimits
    private let parts: [Readiness.Part]

    /// - Parameters:
    ///   - parts: how each service, and each other part that is known here, says whether it is ready.
    ///   - upstreams: how the instances of other processes' services do.
    init(
        auth: any Upstream, commands: any Upstream, queries: any Upstream, relay: any Upstream, parts: [Readiness.Part], pages: Pages,
        tokens: TokenChecks,
        settings: GatewaySettings, limits: RateLimits, upstreams: @escaping @Sendable () -> [Readiness.Upstream], logger: Logger
    ) {
        self.parts = parts
        self.limits = limits
        gateway = APIGateway(
            auth: auth, commands: commands, queries: queries, relay: relay,
            readiness: Readiness(checks: [], parts: parts, upstreams: upstreams, logger: logger),
            pages: pages, verifier: tokens.verifier, settings: settings, limits: limits, logger: logger)
    }

    /// Returns when the services are ready, or when waiting longer is pointless; `/ready` then says what is missing. Services of other processes may
    /// be away for long, and a gateway is of use without some of them.
    func prepare() async throws {
        for (need, patience) in [(Readiness.Part.Need.always, Duration.seconds(30)), (.oneOfMany, .seconds(1))] {
            _ = try await isDone(within: patience) { [parts] in
                for part in parts where part.need == need {
                    while (try? await part.report())?.isReady != true { try await Task.sleep(for: .milliseconds(50)) }
                }
            }
        }
    }
}

extension Readiness.Upstream {
    init(_ state: UpstreamState) {
        func count(_ isSo: (UpstreamState.InstanceState) -> Bool) -> Int { state.instances.count(where: isSo) }
        self.init(
            name: state.service.rawValue, instances: state.instances.count, open: count { $0.breaker == .open },
            halfOpen: count { $0.breaker == .halfOpen }, ejected: count(\.isEjected))
    }
}

extension Readiness.Part {
    /// A service of another process. While it is away, calls of the others are answered; none of those that count need the relay.
    static func asking(_ client: ServiceClient, _ name: ServiceName) -> Readiness.Part {
        Readiness.Part(name.rawValue, need: name == .relay ? .never : .oneOfMany) {
            guard let report = Readiness.Report(try await client.get(.readiness).body ?? .null) else { throw Problem.unavailable() }
            return report
        }
    }

    /// The projectors of other processes. One of them does the work at a time, so one that is ready is enough; without any, what is there can still
    /// be read. Nil where none is named.
    static func asking(projectors: [Instance]) -> Readiness.Part? {
        if projectors.isEmpty { return nil }
        return Readiness.Part(Component.projector.rawValue, need: .never) {
            var last: Readiness.Report?
            for projector in projectors {
                let request = HTTPClientRequest(url: "http://\(projector)/ready")
                guard let answer = try? await HTTPClient.shared.execute(request, timeout: .milliseconds(700)),
                    let body = try? await answer.body.collect(upTo: 1 << 20), let json = try? JSONValue.parse(body.readableBytesView)
                else { continue }
                last = Readiness.Report(json)
                if let last, last.isReady { return last }
            }
            guard let last else { throw Problem.unavailable() }
            return last
        }
    }
}
