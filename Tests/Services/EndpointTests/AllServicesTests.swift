import AccessTokens
import Audit
import AuthService
import CommandService
import EventSourcing
import EventStoreTesting
import FoundationEssentials
import Gateway
import HTTPContract
import Hummingbird
import Logging
import Postgres
import Projections
import Publishing
import PublishingAPI
import QueryService
import Testing

/// All four services as they are built to run, on databases that nobody asks anything.
private struct AllServices {
    private struct NoKeys: PersonalKeys, KeyedHasher {
        func createKey(for subject: UUID) async throws {}
        func hash(_ parts: [String]) -> [UInt8] { Array(repeating: 0, count: 32) }
    }

    private struct Nobody: Upstream {
        func send(_ request: Request, context: CallContext) async throws -> Response { throw Problem.unavailable() }
    }

    let routes: [(ServiceName, Routes)]

    init() throws {
        let logger = Logger(label: "silent") { _ in SwiftLogNoOpLogHandler() }
        let target = try ConnectionTarget(url: "postgres://localhost/none")
        let pool = ConnectionPool(target, logger: logger)
        let (store, keys, serviceKey) = (InMemoryEventStore(), NoKeys(), ServiceKey(bytes: Array(repeating: 0, count: 32)))
        let signingKeys = SigningKeys(identity: pool, wrapping: KeyWrapping(wrap: { $0 }, unwrap: { $0 }))
        let verifier = TokenVerifier { [] }
        func client(_ name: ServiceName, _ audience: ServiceName) -> ServiceClient {
            ServiceClient(name: name, audience: audience, upstream: Nobody(), key: serviceKey, logger: logger)
        }
        let commands = Commands(
            store: store, catalog: .publishing, keys: keys, hasher: keys, audit: MerkleLog(pool), trail: OpenedTrail(AuditTrail(pool)) { $0 },
            verifier: verifier, serviceKey: serviceKey, logger: logger)
        let queries = Queries(
            read: ReadPools(all: pool), positions: ReadModelPositions(pool, listeningOn: target, logger: logger),
            commands: client(.queries, .commands),
            verifier: verifier, serviceKey: serviceKey, logger: logger)
        let auth = Auth(
            identity: pool, log: store, currentClaims: { _, _ in [:] }, commands: client(.auth, .commands),
            erasure: ErasurePorts(posts: { _, _ in [] }, queries: client(.auth, .queries), destroyKey: { _ in }), hasher: keys, keys: signingKeys,
            verifier: verifier, serviceKey: serviceKey, logger: logger)
        let gateway = APIGateway(
            auth: Nobody(), commands: Nobody(), queries: Nobody(), readiness: Readiness(checks: [], logger: logger), verifier: verifier,
            logger: logger)
        routes = [(.auth, auth.routes), (.commands, commands.routes), (.queries, queries.routes), (.gateway, gateway.routes)]
    }
}

@Suite struct `All services together` {
    @Test func `answer each endpoint once, by the service that the table names`() throws {
        let answered = try AllServices().routes.flatMap { service, routes in routes.endpoints.map { (service, $0) } }
        for endpoint in Endpoint.allCases {
            #expect(answered.filter { $0.1 == endpoint }.map(\.0) == [endpoint.route.service], "\(endpoint)")
        }
    }
}
