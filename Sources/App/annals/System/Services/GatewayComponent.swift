import Gateway
import HTTPContract
import JSON
import Logging
import PublishingAPI
import ServiceLifecycle

/// The gateway with what it depends on: the three services behind it, and nothing else. It has no database.
struct GatewayComponent {
    let gateway: APIGateway
    private let parts: [Readiness.Part]

    /// - Parameter parts: how each service, and each other part that is known here, says whether it is ready.
    init(
        auth: any Upstream, commands: any Upstream, queries: any Upstream, parts: [Readiness.Part], pages: Pages, tokens: TokenChecks,
        settings: GatewaySettings, limits: RateLimitSettings, logger: Logger
    ) {
        self.parts = parts
        gateway = APIGateway(
            auth: auth, commands: commands, queries: queries, readiness: Readiness(checks: [], parts: parts, logger: logger), pages: pages,
            verifier: tokens.verifier, settings: settings, limits: RateLimits(limits), logger: logger)
    }

    /// Returns when all services are ready, or when waiting longer is pointless; `/ready` then says what is missing.
    func prepare() async throws {
        let end = ContinuousClock.now + .seconds(30)
        for part in parts {
            while ContinuousClock.now < end {
                if let report = try? await part.report(), report.isReady { break }
                try await Task.sleep(for: .milliseconds(50))
            }
        }
    }
}

extension Readiness.Part {
    /// A service of another process.
    static func asking(_ client: ServiceClient, _ name: ServiceName) -> Readiness.Part {
        Readiness.Part(name.rawValue) {
            guard let report = Readiness.Report(try await client.get(.readiness).body ?? .null) else { throw Problem.unavailable() }
            return report
        }
    }
}
