import EventSourcing
import Gateway
import HTTPContract
import HTTPTypes
import Hummingbird
import JSON
import Testing

@Suite(.timeLimit(.minutes(5))) struct `A page of another origin` {
    private static let origin = "https://app.example.org"
    private static let settings = GatewaySettings(crossOrigin: .only([origin, "https://other.example.org"], withCredentials: true))

    private func preflight(_ settings: GatewaySettings, origin: String = origin, _ path: String = "/api/v1/posts") async throws -> Answered {
        try await SpiedGateway(settings: settings).answer(.options, path, [.origin: origin, .accessControlRequestMethod: "POST"])
    }

    @Test func `that may call is told so before and after`() async throws {
        let before = try await preflight(Self.settings)
        #expect(before.status == 204 && before.headers[.accessControlAllowOrigin] == Self.origin)
        #expect(before.headers[.accessControlAllowCredentials] == "true" && before.headers[.vary] == "Origin")
        #expect(before.headers[.accessControlAllowMethods] == "GET, HEAD, POST, OPTIONS")
        for name in ["Idempotency-Key", "traceparent", "tracestate", "baggage", "sentry-trace"] {
            #expect(before.headers[.accessControlAllowHeaders]?.contains(name) == true, "\(name)")
        }
        let after = try await SpiedGateway(settings: Self.settings).answer(.get, "/api/v1/posts", [.origin: Self.origin])
        #expect(after.headers[.accessControlAllowOrigin] == Self.origin && after.headers[.accessControlExposeHeaders]?.contains("Position") == true)
        let failed = try await SpiedGateway(settings: Self.settings).answer(.get, "/nothing", [.origin: Self.origin])
        #expect(failed.status == 404 && failed.headers[.accessControlAllowOrigin] == Self.origin)
    }

    @Test(arguments: ["https://evil.example", "null", "https://app.example.org.evil.example", "http://app.example.org", "https://APP.example.org"])
    func `that may not call is told nothing, and caches are warned`(origin: String) async throws {
        for answer in [
            try await preflight(Self.settings, origin: origin),
            try await SpiedGateway(settings: Self.settings).answer(.get, "/api/v1/posts", [.origin: origin]),
        ] {
            #expect(answer.headers[.accessControlAllowOrigin] == nil && answer.headers[.accessControlAllowCredentials] == nil)
            #expect(answer.headers[.vary] == "Origin")
        }
    }

    @Test func `may call without credentials where everyone may`() async throws {
        let settings = GatewaySettings(crossOrigin: .everyone)
        for answer in [
            try await preflight(settings), try await SpiedGateway(settings: settings).answer(.get, "/api/v1/posts", [.origin: Self.origin]),
        ] {
            #expect(answer.headers[.accessControlAllowOrigin] == "*" && answer.headers[.accessControlAllowCredentials] == nil)
        }
    }

    @Test func `may not call unless it is configured`() async throws {
        #expect(try await preflight(GatewaySettings()).headers[.accessControlAllowOrigin] == nil)
        // A page may see the 404 of a path that it mistook.
        let unknown = try await preflight(Self.settings, "/nothing")
        #expect(unknown.status == 204 && unknown.headers[.accessControlAllowOrigin] == Self.origin)
    }

    @Test func `is configured by its origin, and everyone never with credentials`() throws {
        #expect(try CrossOrigin(origins: [], withCredentials: true) == .nobody)
        #expect(try CrossOrigin(origins: ["*"], withCredentials: false) == .everyone)
        #expect(try CrossOrigin(origins: ["http://localhost:5173"], withCredentials: true) == .only(["http://localhost:5173"], withCredentials: true))
        #expect(throws: CrossOrigin.Mistake.wildcard) { try CrossOrigin(origins: ["*"], withCredentials: true) }
        #expect(throws: CrossOrigin.Mistake.wildcard) { try CrossOrigin(origins: ["*", Self.origin], withCredentials: false) }
        for text in ["example.org", "https://example.org/", "ftp://x.org", "https://", "https://Example.org", "null"] {
            #expect(throws: CrossOrigin.Mistake.notAnOrigin(text)) { try CrossOrigin(origins: [text], withCredentials: false) }
        }
    }
}

@Suite(.timeLimit(.minutes(5))) struct `Every answer` {
    @Test(arguments: ["/api/v1/posts", "/nothing", "/health"]) func `keeps browsers from doing more than showing it`(path: String) async throws {
        let headers = try await SpiedGateway().answer(.get, path).headers
        #expect(headers[.xContentTypeOptions] == "nosniff" && headers[.frameOptions] == "DENY" && headers[.referrerPolicy] == "no-referrer")
        #expect(headers[.contentSecurityPolicy] == "default-src 'none'; frame-ancestors 'none'")
    }

    @Test func `asks for TLS from then on where TLS is in front, and not elsewhere`() async throws {
        #expect(try await SpiedGateway().answer(.get, "/health").headers[.strictTransportSecurity] == nil)
        let gateway = SpiedGateway(settings: GatewaySettings(strictTransportSecurity: .seconds(31_536_000)))
        for path in ["/health", "/nothing"] {
            #expect(try await gateway.answer(.get, path).headers[.strictTransportSecurity] == "max-age=31536000; includeSubDomains")
        }
    }

    @Test func `to a command or to someone known is stored nowhere`() async throws {
        #expect(try await SpiedGateway().answer(.get, "/api/v1/posts").headers[.cacheControl] == nil)
        #expect(try await SpiedGateway().answer(.post, "/api/v1/posts").headers[.cacheControl] == "no-store")
        #expect(try await SpiedGateway().answer(.get, "/api/v1/posts", [.authorization: "Bearer x"]).headers[.cacheControl] == "no-store")
    }

    @Test func `may say itself how long it is kept`() async throws {
        let queries = Spy("queries") { _, _ in Answer.bytes(json: Array("1".utf8), headers: [.cacheControl: "private, no-cache"]) }
        for headers in [[:], [.authorization: "Bearer x"]] as [HTTPFields] {
            #expect(try await SpiedGateway(queries: queries).answer(.get, "/api/v1/posts", headers).headers[.cacheControl] == "private, no-cache")
        }
    }

    @Test func `may bring its own content policy`() async throws {
        let queries = Spy("queries") { _, _ in Answer.bytes(json: Array("1".utf8), headers: [.contentSecurityPolicy: "default-src 'self'"]) }
        let answer = try await SpiedGateway(queries: queries).answer(.get, "/api/v1/posts")
        #expect(answer.headers[.contentSecurityPolicy] == "default-src 'self'")
    }

    @Test func `to HEAD has no body`() async throws {
        let answer = try await SpiedGateway().answer(.head, "/health")
        #expect(answer.status == 200 && answer.json == nil && answer.headers[.contentLength] == "15")
    }
}

@Suite(.timeLimit(.minutes(5))) struct `Asked for its state` {
    private struct Down: Error {}

    @Test func `the gateway is healthy while it lives`() async throws {
        let answer = try await SpiedGateway().answer(.get, "/health")
        #expect(answer.status == 200 && answer.json == .object(["status": .string("ok")]))
    }

    @Test func `the gateway is ready when all that it needs answers`() async throws {
        let readiness = Readiness(
            checks: [.init("log") {}, .init("redis", isRequired: false) { throw Down() }],
            progress: { .init(projections: [.init(name: "posts", position: 17, state: "stale", parked: 2)], head: 20) }, logger: .silent)
        let answer = try await SpiedGateway(readiness: readiness).answer(.get, "/ready")
        #expect(answer.status == 200)
        #expect(
            answer.json
                == .object([
                    "status": .string("ready"),
                    "checks": .object(["log": .object(["status": .string("up")]), "redis": .object(["status": .string("down")])]),
                    "projections": .object([
                        "posts": .object(["position": .integer(17), "lag": .integer(3), "status": .string("stale"), "parked": .integer(2)])
                    ]),
                    "head": .integer(20),
                ]))
    }

    @Test func `the gateway is not ready without a part that it needs, and does not say why`() async throws {
        let failing = [
            Readiness(checks: [.init("log") { throw Down() }, .init("read") {}], logger: .silent),
            Readiness(checks: [.init("read") {}], progress: { throw Down() }, logger: .silent),
        ]
        for readiness in failing {
            let answer = try await SpiedGateway(readiness: readiness).answer(.get, "/ready")
            #expect(answer.status == 503 && answer.headers[.retryAfter] == "1")
            #expect(answer.json?["status"]?.text == "unavailable" && answer.json?.serialized.contains("Down") == false)
        }
    }
}
