package import AccessTokens
package import HTTPContract
import HTTPTypes
package import Hummingbird
package import Logging
import NIOCore
import NIOPosix
import PublishingAPI
import ServiceLifecycle

/// The one server that clients reach. It matches each call and verifies its token once, charges it, and hands it to the service that answers under a
/// deadline.
///
/// A service of another process does not trust it: tokens go on as they came, and the service verifies them itself.
package struct APIGateway: Service, HTTPResponder {
    package typealias Context = CallContext

    /// The gateway's own endpoints.
    package let routes: Routes

    let router: EndpointRouter
    let own: ServiceResponder
    let queries: AdmissionQueue
    let authentication: Authentication
    let limits: RateLimits
    let settings: GatewaySettings
    let addresses: ForwardedAddresses
    let failures: FailureResponses
    let recorder: CallRecorder
    let logger: Logger
    private let services: @Sendable (ServiceName) -> any Upstream
    private let deadlines: DeadlineWatch
    let stale: StaleAnswers?

    /// - Parameters:
    ///   - auth, commands, queries, relay: the services, of this process or of others.
    ///   - readiness: what `/ready` asks.
    ///   - pages: what browsers are shown.
    ///   - verifier: verifies users' tokens; without one, every user is anonymous here.
    package init(
        auth: any Upstream, commands: any Upstream, queries: any Upstream, relay: any Upstream, readiness: Readiness, pages: Pages = .none,
        verifier: TokenVerifier?, settings: GatewaySettings = GatewaySettings(), limits: RateLimits = RateLimits(.off), logger: Logger
    ) {
        var routes = Routes()
        let healthy = ReadyAnswer.bytes(ByteBuffer(string: #"{"status":"ok"}"#), headers: [.cacheControl: "no-store"])
        routes.on(.health) { _, _ in healthy.response }
        routes.onDirectly(.health) { _, reply in reply(.success(healthy)) }
        routes.on(.startup) { _, _ in try await readiness.startupResponse() }
        routes.on(.readiness) { _, _ in try await readiness.response(settings.connections.drain) }
        pages.addRoutes(to: &routes)
        let shed = { (service: any Upstream) in AdmissionQueue(service, settings.shedding) }
        let (auth, commands, queries, relay) = (shed(auth), shed(commands), shed(queries), shed(relay))
        self.queries = queries
        // The gateway's own endpoints are no part of a dashboard, which it answers itself.
        let others: @Sendable (ServiceName) -> any Upstream = { name in
            switch name {
            case .auth: auth
            case .commands: commands
            case .queries, .gateway: queries
            case .relay: relay
            }
        }
        let loop = MultiThreadedEventLoopGroup.singleton.any()
        let dashboard = Dashboard(services: others, deadline: settings.dashboardDeadline, whole: settings.deadline, on: loop)
        routes.on(.dashboard) { request, context in try await dashboard.response(to: request, context) }
        let own = routes.responder(for: .gateway, authentication: Authentication(verifier: nil), logger: logger)
        services = { $0 == .gateway ? own : others($0) }
        self.own = own
        self.routes = routes
        router = EndpointRouter(Endpoint.allCases.filter(\.route.isPublic))
        authentication = Authentication(verifier: verifier)
        self.limits = limits
        self.settings = settings
        addresses = ForwardedAddresses(proxies: settings.proxies, logger: logger)
        deadlines = DeadlineWatch(longest: settings.deadline, on: loop)
        stale = settings.stale.map { StaleAnswers($0) }
        failures = FailureResponses(service: .gateway, logger: logger)
        recorder = CallRecorder(.gateway, logger: logger)
        self.logger = logger
    }

    /// Listens until stopped.
    package func run() async throws {
        let server = Application(
            responder: self,
            server: settings.certificates.map { .https(certificates: $0, limits: settings.connections, direct: self) }
                ?? .http1(limits: settings.connections, direct: self),
            configuration: ApplicationConfiguration(address: .hostname(settings.host, port: settings.port), serverName: nil),
            onServerRunning: { [settings, logger] channel in
                await AcceptBackoff.guardListener(channel, settings.connections, logger: logger)
                settings.onListening(channel.localAddress?.port ?? settings.port)
            }, logger: logger)
        try await server.run()
    }

    /// One request, in order: named, matched, verified, charged, handed on, marked.
    package func respond(to request: Request, context: CallContext) async throws -> Response {
        var context = context
        context.identify(by: request)
        let client = addresses.client(of: request, from: context.clientAddress)
        if let client { context.clientAddress = "\(client)" }
        var response = try await recorder.record(request, context) { context, call in
            var charge = RateLimits.Charge()
            var response: Response
            do {
                let match = match(request)
                call.endpoint = match.endpoint
                let token = await token(of: request, for: call.endpoint)
                if case .success(let token?) = token { call.caller = .user(token.claims.user) }
                charge = try await limits.charge(request, match, token, from: context.clientAddress)
                response = try await answer(request.admitted(fromOurProxy: client != nil), try match.get(), token, context)
                try await limits.chargeFurther(&charge, &response)
            } catch {
                response = try failures.response(to: error, request, call.endpoint, context)
            }
            await limits.settle(charge, &response)
            charge.mark(&response.headers)
            return response
        }
        mark(&response.headers, of: request)
        return request.method == .head ? response.createHeadResponse() : response
    }

    /// Adds what every answer tells browsers.
    func mark(_ headers: inout HTTPFields, of request: Request) {
        if !CrossOrigin.isPreflight(request) { settings.crossOrigin.mark(&headers, origin: request.header(.origin)) }
        SecurityHeaders.mark(&headers, of: request, strictTransportSecurity: settings.strictTransportSecurity)
    }

    /// The endpoint of a request. A preflight of an unknown path is answered all the same: else its page could not see the 404 that follows.
    private func match(_ request: Request) -> Result<EndpointRouter.Match, Problem> {
        let match = Result { () throws(Problem) in try router.match(request) }
        guard case .failure = match, CrossOrigin.isPreflight(request) else { return match }
        return .success(.options(allow: "DELETE, GET, HEAD, PATCH, POST, PUT"))
    }

    private func token(of request: Request, for endpoint: Endpoint?) async -> Result<VerifiedToken?, Problem> {
        do {
            return .success(try await authentication.token(of: request, for: endpoint?.route.access ?? .anyone))
        } catch {
            return .failure(error)
        }
    }

    private func answer(
        _ request: Request, _ match: EndpointRouter.Match, _ token: Result<VerifiedToken?, Problem>, _ context: CallContext
    ) async throws -> Response {
        switch match {
        case .options(let allow):
            var headers: HTTPFields = [.allow: allow]
            if CrossOrigin.isPreflight(request) {
                settings.crossOrigin.markPreflight(&headers, origin: request.header(.origin), methods: allow)
            }
            return Answer.noContent(headers: headers)
        case .endpoint(let match):
            try request.checkAnnouncedLength(limit: settings.maximumBodyBytes)
            let route = match.endpoint.route
            let call = VerifiedCall(match: match, token: route.ignoresCredentials ? nil : try token.get())
            let (service, limit) = (services(route.service), settings.maximumBodyBytes)
            let send = {
                try await deadlines.apply(TimeBudget(settings.deadline), channel: context.channel) {
                    try await service.send(try await request.withUnannouncedBodyCollected(limit: limit), as: call, context: context)
                }
            }
            guard let stale else { return try await send() }
            return try await stale.answer(request, for: match.endpoint, send)
        }
    }
}

extension Result<EndpointRouter.Match, Problem> {
    var endpoint: Endpoint? {
        if case .success(.endpoint(let match)) = self { match.endpoint } else { nil }
    }
}

extension Request {
    /// The same, its body read when no length was announced for it: nothing else would hold it to the limit.
    fileprivate func withUnannouncedBodyCollected(limit: Int) async throws -> Request {
        guard headers.contains(.transferEncoding) else { return self }
        do {
            return Request(head: head, body: RequestBody(buffer: try await body.collect(upTo: limit)))
        } catch is NIOTooManyBytesError {
            throw Problem.payloadTooLarge(limit: limit)
        }
    }

    /// The same without what this client may not say: any `X-Annals-…` header, which services say to each other only, and for whom it calls, unless
    /// it is a proxy of ours that is believed.
    fileprivate func admitted(fromOurProxy isBelieved: Bool) -> Request {
        func isRefused(_ field: HTTPField) -> Bool {
            let name = field.name.canonicalName
            return name.hasPrefix("x-annals-") || !isBelieved && (name.hasPrefix("x-forwarded-") || name == "forwarded")
        }
        guard headers.contains(where: isRefused) else { return self }
        var head = head
        head.headerFields = HTTPFields(headers.filter { !isRefused($0) })
        return Request(head: head, body: body)
    }
}
