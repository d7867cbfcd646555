import AccessTokens
import EventSourcing
import FoundationEssentials
import Gateway
import HTTPContract
import HTTPTypes
import Hummingbird
import JSON
import NIOCore
import Synchronization
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct `A caller of the gateway` {
    private let key = SigningKey.generate()
    private let clock = HandClock()
    private let gateway: SpiedGateway

    init() throws {
        let key = key
        let settings = RateLimitSettings(
            calls: RateLimit(5, in: .seconds(60)), logins: RateLimit(3, in: .seconds(60)), registrations: RateLimit(2, in: .seconds(60)))
        gateway = SpiedGateway(verifier: TokenVerifier { [key.publicKey] }, limits: RateLimits(settings, now: clock.reading))
    }

    private func bearer(_ user: UUID, by key: SigningKey? = nil, isOperator: Bool = false) throws -> HTTPFields {
        let token = AccessToken(
            subject: user, role: .user, session: nil, audience: ["queries"], expiresAt: Timestamp.now.advanced(by: .seconds(900)),
            isOperator: isOperator)
        return [.authorization: "Bearer " + (try (key ?? self.key).sign(token))]
    }

    private func call(
        _ method: HTTPRequest.Method = .get, _ path: String = "/api/v1/posts", _ headers: HTTPFields = [:], from address: String = "203.0.113.1"
    ) async throws -> Answered {
        var context = CallContext(logger: .silent, requestID: "", traceparent: "")
        context.clientAddress = address
        return try await gateway.answer(method, path, headers, context: context)
    }

    /// How many calls are let through until one is refused; 20 at most.
    private func allowed(
        _ method: HTTPRequest.Method = .get, _ path: String = "/api/v1/posts", from address: String = "203.0.113.1",
        _ headers: () throws -> HTTPFields = { [:] }
    ) async throws -> Int {
        for count in 0..<20 where try await call(method, path, try headers(), from: address).status == 429 { return count }
        return 20
    }

    @Test func `pays for the further calls that an answer counts for, all of them or none`() async throws {
        let settings = RateLimitSettings(calls: RateLimit(10, in: .seconds(60)), logins: nil, registrations: nil)
        let queries = Spy("queries") { request, _ in
            var headers = HTTPFields()
            headers[.furtherCalls] = request.uri.queryParameters["n"].map { String($0) }
            return Answer.data(headers: headers) { $0.string("replayed") }
        }
        let gateway = SpiedGateway(queries: queries, limits: RateLimits(settings, now: clock.reading))
        func replay(_ calls: Int) async throws -> Answered {
            var context = CallContext(logger: .silent, requestID: "", traceparent: "")
            context.clientAddress = "203.0.113.1"
            return try await gateway.answer(.get, "/api/v1/posts/stream?n=\(calls)", context: context)
        }
        let first = try await replay(5)
        #expect(first.status == 200 && first.headers[.rateLimit] == "\"default\";r=4;t=6" && first.headers[.furtherCalls] == nil)
        let second = try await replay(5)
        #expect(second.status == 429 && second.code == "RATE_LIMITED" && second.text.contains("replayed") == false)
        // The call itself was made; what it would have replayed was not paid.
        #expect(second.headers[.rateLimit] == "\"default\";r=3;t=12" && second.headers[.retryAfter] == "12")
        #expect(try await replay(3).status == 429)
        #expect(try await replay(1).status == 200)
    }

    @Test func `is told what is left with every answer, whatever it is`() async throws {
        func left(_ answer: Answered) -> String? { answer.headers[.rateLimit] }
        let first = try await call()
        #expect(first.headers[.rateLimitPolicy] == "\"default\";q=5;w=60" && left(first) == "\"default\";r=4;t=12")
        let missing = try await call(.get, "/nothing")
        #expect(missing.status == 404 && left(missing) == "\"default\";r=3;t=12")
        let wrong = try await call(.delete, "/api/v1/posts")
        #expect(wrong.status == 405 && left(wrong) == "\"default\";r=2;t=12")
        let large = try await call(.post, "/api/v1/posts", [.contentLength: "99999999"])
        #expect(large.status == 413 && left(large) == "\"default\";r=1;t=12")
        let broken = try await call(.get, "/api/v1/posts/%zz")
        #expect(broken.status == 400 && left(broken) == "\"default\";r=0;t=12")
        let refused = try await call()
        #expect(refused.code == "RATE_LIMITED" && refused.headers[.retryAfter] == "12" && left(refused) == "\"default\";r=0;t=12")
        #expect(refused.json?["violated-policies"] == .array([.string("default")]))
        clock.advance(.seconds(12))
        #expect(try await call().status == 200)
    }

    @Test(arguments: [
        ("GET", "/health"), ("GET", "/ready"), ("GET", "/.well-known/jwks.json"), ("HEAD", "/health"), ("GET", "/"), ("GET", "/docs"),
        ("GET", "/openapi.json"), ("GET", "/assets/style.css"), ("GET", "/api/v1/audit/tile/0/000"),
        ("GET", "/api/v1/audit/tile/entries/x001/234"),
    ])
    func `is not charged for what everybody needs`(row: (String, String)) async throws {
        #expect(try await allowed(try #require(HTTPRequest.Method(row.0)), row.1) == 20)
        #expect(try await allowed() == 5)
    }

    @Test(arguments: ["0/000.p/17", "0/0000", "0/000/", "8/000", "x/000", "0/%CC%81", "entries/x001/23%34/1", "entries/000%CC%81"])
    func `is charged for partial tiles, which change, and for what is no tile`(path: String) async throws {
        #expect(try await allowed(.get, "/api/v1/audit/tile/\(path)") == 5)
    }

    @Test func `is not charged for preflights`() async throws {
        let headers: HTTPFields = [.origin: "https://app.example.org", .accessControlRequestMethod: "POST"]
        for path in ["/api/v1/posts", "/nothing"] { #expect(try await allowed(.options, path) { headers } == 20) }
        #expect(try await allowed(.options) == 5)
    }

    @Test func `is its user wherever the token is used, and not the neighbours at the same address`() async throws {
        let ann = try bearer(.v7())
        #expect(try await allowed { ann } == 5)
        #expect(try await allowed(from: "198.51.100.7") { ann } == 0)
        let bob = try bearer(.v7())
        #expect(try await allowed { bob } == 5)
        #expect(try await allowed() == 5)
    }

    @Test func `with a bad token has a bucket of its own, and takes nobody's calls`() async throws {
        let ann = UUID.v7()
        let stranger = SigningKey.generate()
        for headers in [try bearer(ann, by: stranger), [.authorization: "Bearer x.y.z"]] as [HTTPFields] {
            let refused = try await call(.get, "/api/v1/posts", headers)
            #expect(refused.status == 401 && refused.headers[.rateLimitPolicy] == "\"bad-token\";q=5;w=60")
        }
        #expect(gateway.forwarded == 0)
        #expect(try await allowed() == 5)
        let own = try bearer(ann)
        #expect(try await allowed { own } == 5)
    }

    @Test func `with a good token never pays for bad ones`() async throws {
        #expect(try await allowed { [.authorization: "Bearer " + UUID.v7().lowercased] } == 5)
        #expect(try await call(.get, "/api/v1/posts", [.authorization: "Bearer x.y.z"]).json?["violated-policies"] == .array([.string("bad-token")]))
        for _ in 1...3 { #expect(try await call(.get, "/api/v1/posts", bearer(.v7())).status == 200) }
        #expect(try await call().status == 200)
    }

    @Test func `with a stale token may sign in`() async throws {
        #expect(try await allowed(.post, "/api/v1/auth/login") { [.authorization: "Bearer x.y.z"] } == 3)
        #expect(try await allowed { [.authorization: "Bearer x.y.z"] } == 5)
    }

    @Test func `of IPv6 is its network`() async throws {
        #expect(try await allowed(from: "2001:db8:1:2::1") == 5)
        #expect(try await allowed(from: "2001:db8:1:2:3:4:5:6") == 0)
        #expect(try await allowed(from: "2001:db8:1:3::1") == 5)
    }

    @Test(arguments: [
        ("/api/v1/auth/register", 2), ("/api/v1/auth/login", 3), ("/api/v1/auth/%6Cogin", 3), ("/api/v1/%61uth/registe%72", 2),
        ("/api/v1/auth/refresh", 5),
    ])
    func `has a limit of its own for what lets a guess be tried, however the path is written`(row: (String, Int)) async throws {
        #expect(try await allowed(.post, row.0) == row.1)
    }

    @Test func `gets no more logins by signing in as others`() async throws {
        #expect(try await allowed(.post, "/api/v1/auth/login") { try bearer(.v7()) } == 3)
        #expect(try await allowed(.post, "/api/v1/auth/register") { try bearer(.v7()) } == 2)
    }

    @Test func `is held to the limit of logins wherever a password is asked for`() async throws {
        let ann = try bearer(.v7())
        #expect(try await allowed(.post, "/api/v1/auth/password") { ann } == 3)
        #expect(try await allowed(.delete, "/api/v1/users/me", from: "198.51.100.7") { ann } == 0)
        #expect(try await allowed(.patch, "/api/v1/users/me") { ann } == 5)
    }

    @Test(arguments: [HTTPResponse.Status.conflict, .ok])
    func `learns from changes of a profile which names are taken no faster than from registering`(
        status: HTTPResponse.Status
    ) async throws {
        let key = key
        let settings = RateLimitSettings(calls: RateLimit(50, in: .seconds(60)), logins: nil, registrations: RateLimit(2, in: .seconds(60)))
        let gateway = SpiedGateway(
            commands: Spy("commands") { _, _ in Response(status: status, headers: status == .ok ? [.claimed: "1"] : [:]) },
            verifier: TokenVerifier { [key.publicKey] },
            limits: RateLimits(settings, now: clock.reading))
        var context = CallContext(logger: .silent, requestID: "", traceparent: "")
        context.clientAddress = "203.0.113.1"
        var answers: [Answered] = []
        for _ in 1...4 { answers.append(try await gateway.answer(.patch, "/api/v1/users/me", try bearer(.v7()), context: context)) }
        #expect(answers.map(\.status) == [status.code, status.code, 429, 429] && answers.allSatisfy { $0.headers[.claimed] == nil })
        #expect(answers.last?.json?["violated-policies"] == .array([.string("registration")]))
    }

    @Test func `that the operator has sent is not counted`() async throws {
        let operatorsToken = try bearer(.v7(), isOperator: true)
        #expect(try await allowed(.post, "/api/v1/auth/register") { operatorsToken } == 20)
        #expect(try await call(.get, "/api/v1/posts", operatorsToken).headers[.rateLimit] == nil)
        #expect(try await allowed(.post, "/api/v1/auth/register") { try bearer(.v7(), by: .generate(), isOperator: true) } == 2)
    }

    @Test func `is not counted where the limits are off`() async throws {
        let gateway = SpiedGateway()
        for _ in 1...20 {
            let answer = try await gateway.answer(.get, "/api/v1/posts")
            #expect(answer.status == 200 && answer.headers[.rateLimit] == nil)
        }
    }
}

@Suite(.timeLimit(.minutes(5))) struct `X-Forwarded-For` {
    private func client(_ header: String?, from peer: String?, proxies: [String] = ["10.0.0.0/8", "2001:db8::/32"]) async throws -> String? {
        try await client(header, from: peer, gateway: { SpiedGateway(queries: $0, settings: Self.settings(proxies)) })
    }

    private static func settings(_ proxies: [String]) -> GatewaySettings { GatewaySettings(proxies: proxies.compactMap { AddressBlock($0) }) }

    private func client(_ header: String?, from peer: String?, gateway: (Spy) -> SpiedGateway) async throws -> String? {
        let queries = Spy("queries") { _, context in Answer.data { $0.string(context.clientAddress ?? "none") } }
        let forwarded = try #require(HTTPField.Name("X-Forwarded-For"))
        var context = CallContext(logger: .silent, requestID: "", traceparent: "")
        context.clientAddress = peer
        return try await gateway(queries).answer(.get, "/api/v1/posts", header.map { [forwarded: $0] } ?? [:], context: context).data
    }

    @Test func `is believed of our proxies only`() async throws {
        #expect(try await client("203.0.113.9", from: "10.1.2.3") == "203.0.113.9")
        #expect(try await client("203.0.113.9", from: "2001:db8::7") == "203.0.113.9")
        #expect(try await client("203.0.113.9", from: "198.51.100.7") == "198.51.100.7")
        #expect(try await client("203.0.113.9", from: "10.1.2.3", proxies: []) == "10.1.2.3")
        #expect(try await client("203.0.113.9", from: nil) == "none")
    }

    @Test func `names the first that is no proxy of ours, from the right`() async throws {
        #expect(try await client("1.1.1.1, 203.0.113.9, 10.9.9.9, 10.8.8.8", from: "10.1.2.3") == "203.0.113.9")
        #expect(try await client("1.1.1.1,\t2001:4860::8 ", from: "10.1.2.3") == "2001:4860::8")
        #expect(try await client("10.7.7.7, 10.9.9.9", from: "10.1.2.3") == "10.7.7.7")
    }

    @Test(arguments: [
        ("203.0.113.5:4711", "203.0.113.5"), ("[2001:db9::1]:443", "2001:db9::1"), ("[2001:db9::1]", "2001:db9::1"),
        ("1.1.1.1, 203.0.113.5:4711, 10.9.9.9:80", "203.0.113.5"),
    ])
    func `may come with ports and brackets`(row: (String, String)) async throws {
        #expect(try await client(row.0, from: "10.1.2.3") == row.1)
    }

    @Test func `that can't be read is told once`() async throws {
        let lines = SpokenLog()
        let gateway = SpiedGateway(settings: Self.settings(["10.0.0.0/8"]), logger: lines.logger)
        for _ in 1...3 { _ = try await client("not an address", from: "10.1.2.3", gateway: { _ in gateway }) }
        #expect(lines.text.split(separator: "\n").count { $0.contains("no address") } == 1)
    }

    @Test(arguments: [
        ("2001:db9::1%x", "2001:db9::1"), ("fe80::1%eth0", "fe80::1"), ("2001:0DB9:0::01", "2001:db9::1"), ("::ffff:203.0.113.9", "203.0.113.9"),
    ])
    func `is handed on as the address that was read, and nothing beside it`(row: (String, String)) async throws {
        #expect(try await client(row.0, from: "10.1.2.3") == row.1)
    }

    @Test func `of a proxy that nobody trusts is warned of once`() async throws {
        let lines = SpokenLog()
        let gateway = SpiedGateway(settings: Self.settings(["10.0.0.0/8"]), logger: lines.logger)
        _ = try await client("203.0.113.9", from: "10.1.2.3", gateway: { _ in gateway })
        #expect(!lines.text.contains("ANNALS_TRUSTED_PROXIES"))
        for _ in 1...3 { _ = try await client("203.0.113.9", from: "198.51.100.7", gateway: { _ in gateway }) }
        #expect(lines.text.split(separator: "\n").count { $0.contains("ANNALS_TRUSTED_PROXIES") } == 1)
        #expect(!lines.text.contains("198.51.100.7") && !lines.text.contains("203.0.113.9"))
    }

    @Test(arguments: [
        "", "unknown", "_hidden", "203.0.113.9:80:80", "[203.0.113.9", "[::1]x", "203.0.113.9, ", "203.0.113.9,, ", "203.0.113.9; 1.1.1.1",
    ])
    func `that can't be read leaves the proxy's own address`(header: String) async throws {
        #expect(try await client(header, from: "10.1.2.3") == "10.1.2.3")
    }
}
