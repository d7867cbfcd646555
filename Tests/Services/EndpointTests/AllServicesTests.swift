import AccessTokens
import Audit
import AuthService
import CommandService
import EventSourcing
import EventStoreTesting
import FoundationEssentials
import Gateway
import HTTPContract
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import Postgres
import Projections
import Publishing
import PublishingAPI
import QueryService
import RelayService
import Testing
import WebhookDelivery

/// All services as they are built to run, on databases that nobody asks anything.
private struct AllServices {
    private struct NoKeys: PersonalKeys, KeyedHasher, SecretSealing {
        func createKey(for subject: UUID) async throws {}
        func seal(_ secret: [UInt8], for owner: UUID) async throws -> String { "" }
        func open(_ sealed: String, for owner: UUID) async throws -> [UInt8]? { nil }
        func hash(_ parts: [String]) -> [UInt8] { Array(repeating: 0, count: 32) }
    }

    private struct Nobody: Upstream {
        func send(_ request: Request, context: CallContext) async throws -> Response { throw Problem.unavailable() }
    }

    let identities = ServiceIdentities.generate()
    let routes: [(ServiceName, Routes)]
    let responders: [ServiceName: ServiceResponder]

    init() throws {
        let logger = Logger.silent
        let target = try ConnectionTarget(url: "postgres://localhost/none")
        let pool = ConnectionPool(target, logger: logger)
        let (store, keys, services) = (InMemoryEventStore(), NoKeys(), identities.keys)
        let signingKeys = SigningKeys(identity: pool, wrapping: KeyWrapping(wrap: { $0 }, unwrap: { $0 }))
        let verifier = TokenVerifier { [] }
        let identities = identities
        func client(_ name: ServiceName, _ audience: ServiceName) -> ServiceClient {
            ServiceClient(identities[name], audience: audience, upstream: Nobody(), logger: logger)
        }
        let commands = Commands(
            store: store, catalog: .publishing, keys: keys, hasher: keys, audit: MerkleLog(pool), trail: OpenedTrail(AuditTrail(pool)) { $0 },
            webhooks: WebhookAccess(secrets: keys, addresses: ReachableAddresses()), verifier: verifier, services: services, logger: logger)
        let queries = Queries(
            read: ReadPools(all: pool), positions: ReadModelPositions(pool, listeningOn: target, logger: logger),
            commands: client(.queries, .commands),
            verifier: verifier, services: services, cursorKey: CursorKey(bytes: Array(repeating: 0, count: 32)), logger: logger)
        let auth = Auth(
            identity: pool, log: store, currentClaims: { _, _ in [:] }, commands: client(.auth, .commands),
            destroyKey: { _ in }, hasher: keys, keys: signingKeys, verifier: verifier, services: services, logger: logger)
        let gateway = APIGateway(
            auth: Nobody(), commands: Nobody(), queries: Nobody(), relay: Nobody(), readiness: Readiness(checks: [], logger: logger),
            verifier: verifier, logger: logger)
        let relay = Relay(
            log: store, pool: pool,
            webhooks: WebhookSettings(texts: store, catalog: .publishing, secrets: keys, addresses: ReachableAddresses()),
            processes: ProcessMeans(
                commands: client(.relay, .commands), auth: client(.relay, .auth), queries: client(.relay, .queries), posts: { _, _ in [] },
                logger: logger),
            verifier: verifier, services: services, logger: logger)
        responders = [.auth: auth.responder, .commands: commands.responder, .queries: queries.responder, .relay: relay.responder]
        routes = [(.auth, auth.routes), (.commands, commands.routes), (.queries, queries.routes), (.relay, relay.routes), (.gateway, gateway.routes)]
    }
}

@Suite(.timeLimit(.minutes(5))) struct `All services together` {
    @Test func `answer each endpoint once, by the service that the table names`() throws {
        let answered = try AllServices().routes.flatMap { service, routes in routes.endpoints.map { (service, $0) } }
        for endpoint in Endpoint.allCases {
            #expect(answered.filter { $0.1 == endpoint }.map(\.0) == [endpoint.route.service], "\(endpoint)")
        }
    }
}

@Suite(.timeLimit(.minutes(5))) struct `An internal endpoint` {
    private static let endpoints = Endpoint.allCases.filter { !$0.route.isPublic }

    /// The status that a service's caller gets, where a caller who is let in gets 204.
    private func status(_ endpoint: Endpoint, _ identities: ServiceIdentities, token: String?) async throws -> Int {
        var routes = Routes()
        routes.on(endpoint) { _, _ in Answer.noContent() }
        let responder = routes.responder(
            for: endpoint.route.service, authentication: Authentication(verifier: nil, services: identities.keys), logger: .silent)
        return try await responder.respond(to: call(endpoint, token), context: CallContext(logger: .silent)).status.code
    }

    private func call(_ endpoint: Endpoint, _ token: String?) -> Request {
        let path = endpoint.path("01980000-0000-7000-8000-000000000001")
        var head = HTTPRequest(method: endpoint.route.method, scheme: "http", authority: "test", path: path)
        if let token { head.headerFields[.serviceToken] = token }
        return Request(head: head, body: RequestBody(buffer: ByteBuffer()))
    }

    @Test(arguments: endpoints) func `lets in the services that the table lists, and nobody else`(endpoint: Endpoint) async throws {
        guard case .services(let listed) = endpoint.route.access else { throw Problem.internalError() }
        let identities = ServiceIdentities.generate()
        for caller in ServiceName.allCases {
            let token = try identities[caller].token(to: endpoint.route.service)
            #expect(try await status(endpoint, identities, token: token) == (listed.contains(caller) ? 204 : 404), "\(caller)")
            // A key of one's own making is not known.
            #expect(try await status(endpoint, identities, token: ServiceIdentity.generate(caller).token(to: endpoint.route.service)) == 401)
        }
        #expect(try await status(endpoint, identities, token: nil) == 404)
    }

    @Test(arguments: endpoints) func `refuses a token that is for another service`(endpoint: Endpoint) async throws {
        let identities = ServiceIdentities.generate()
        for audience in ServiceName.allCases where audience != endpoint.route.service {
            for caller in ServiceName.allCases {
                #expect(try await status(endpoint, identities, token: identities[caller].token(to: audience)) == 401, "\(caller) to \(audience)")
            }
        }
    }

    @Test(arguments: endpoints) func `is closed to the others in the service as it is built`(endpoint: Endpoint) async throws {
        guard case .services(let listed) = endpoint.route.access else { throw Problem.internalError() }
        let services = try AllServices()
        let responder = try #require(services.responders[endpoint.route.service])
        for caller in ServiceName.allCases where !listed.contains(caller) {
            let token = try services.identities[caller].token(to: endpoint.route.service)
            #expect(try await responder.respond(to: call(endpoint, token), context: CallContext(logger: .silent)).status == .notFound, "\(caller)")
        }
        let forged = try ServiceIdentity.generate(listed[0]).token(to: endpoint.route.service)
        #expect(try await responder.respond(to: call(endpoint, forged), context: CallContext(logger: .silent)).status == .unauthorized)
    }
}

extension Logger {
    fileprivate static let silent = Logger(label: "silent") { _ in SwiftLogNoOpLogHandler() }
}
