import AccessTokens
import EventSourcing
import FoundationEssentials
import Gateway
import HTTPContract
import HTTPTypes
import Hummingbird
import JSON
import PublishingAPI
import Testing

@Suite(.timeLimit(.minutes(5))) struct `The dashboard` {
    private let key = SigningKey.generate()
    private let user = UUID.v7()

    /// The parts have time, however slow the machine is.
    private static var unhurried: GatewaySettings {
        var settings = GatewaySettings(deadline: .seconds(600))
        settings.dashboardDeadline = .seconds(240)
        return settings
    }

    private func bearer() throws -> HTTPFields {
        let token = AccessToken(
            subject: user, role: .user, session: nil, audience: ServiceName.allCases.map(\.rawValue), issuedAt: .now,
            expiresAt: Timestamp.now.advanced(by: .seconds(600)))
        return [.authorization: "Bearer " + (try key.sign(token))]
    }

    /// The dashboard of query services that answer each part as they are told, else with its path.
    private func dashboard(
        _ headers: HTTPFields = [:], isSignedIn: Bool = true, limits: RateLimits = RateLimits(.off), settings: GatewaySettings = unhurried,
        _ path: String = "/api/v1/dashboard", answer: @escaping @Sendable (_ part: String) async throws -> Response? = { _ in nil }
    ) async throws -> (answer: Answered, spy: Spy) {
        let queries = Spy("queries") { request, _ in
            if let answer = try await answer(request.uri.path) { return answer }
            return Answer.data(headers: [.eTag: "W/\"1\"", .readModelPosition: request.uri.path.hasSuffix("trending") ? "7" : "9"]) {
                $0.string(request.uri.description)
            }
        }
        let gateway = SpiedGateway(queries: queries, verifier: TokenVerifier { [key.publicKey] }, settings: settings, limits: limits)
        return (try await gateway.answer(.get, path, isSignedIn ? try bearer().merging(headers) : headers), queries)
    }

    @Test func `is put together of parts that are asked with the caller's own token, and is as fresh as the stalest`() async throws {
        let (answer, spy) = try await dashboard([.waitForPosition: "5", .prefer: "wait=1", .cookie: "a=b"])
        #expect(answer.status == 200)
        #expect(
            answer.json
                == .object([
                    "data": .object([
                        "user": .string("/api/v1/users/me"), "posts": .string("/api/v1/users/\(user.lowercased)/posts?limit=5"),
                        "totals": .string("/api/v1/users/me/totals"), "trending": .string("/api/v1/posts/trending?limit=5"),
                    ]),
                    "unavailable": .array([]),
                ]))
        #expect(answer.headers[.readModelPosition] == "7")
        #expect(spy.requests.count == 4)
        let token = try #require(spy.requests.first?[.authorization])
        for fields in spy.requests {
            #expect(fields[.authorization] == token && fields[.waitForPosition] == "5" && fields[.prefer] == "wait=1" && fields[.cookie] == nil)
        }
    }

    @Test(arguments: [
        Response(status: .serviceUnavailable), Response(status: .notFound), Answer.bytes(json: Array("<html>".utf8)),
        Answer.bytes(json: Array("{}".utf8)),
    ])
    func `names a part that fails, and answers the others`(failure: Response) async throws {
        let (answer, _) = try await dashboard { $0.hasSuffix("/totals") ? failure : nil }
        #expect(answer.status == 200)
        #expect(answer.json?["unavailable"] == .array([.string("totals")]))
        #expect(answer.json?["data"]?["totals"] == .null)
        #expect(answer.json?["data"]?["user"]?.text == "/api/v1/users/me")
    }

    @Test(.timeLimit(.minutes(5))) func `names a part that can't be reached or is late, and waits for none of them alone`() async throws {
        var settings = GatewaySettings()
        // The other parts have time, however slow the machine is.
        settings.dashboardDeadline = .seconds(6)
        let (answer, _) = try await dashboard(settings: settings) { part in
            if part.hasSuffix("/totals") { throw Problem.unavailable() }
            if part.hasSuffix("/trending") { try await Task.sleep(for: .seconds(600)) }
            return nil
        }
        #expect(answer.status == 200)
        #expect(answer.json?["unavailable"] == .array([.string("totals"), .string("trending")]))
    }

    @Test func `is answered without a late part also when the parts have more time than all of them together`() async throws {
        var settings = GatewaySettings()
        (settings.deadline, settings.dashboardDeadline) = (.seconds(12), .seconds(60))
        let (answer, _) = try await dashboard(settings: settings) { part in
            if part.hasSuffix("/trending") { try await Task.sleep(for: .seconds(600)) }
            return nil
        }
        #expect(answer.status == 200)
        #expect(answer.json?["unavailable"] == .array([.string("trending")]))
    }

    @Test func `is an answer also when all parts fail`() async throws {
        let (answer, _) = try await dashboard { _ in Response(status: .internalServerError) }
        #expect(answer.status == 200 && answer.headers[.readModelPosition] == nil)
        #expect(answer.json?["unavailable"] == .array(["user", "posts", "totals", "trending"].map { .string($0) }))
    }

    @Test func `has a tag that changes with its parts' tags`() async throws {
        let first = try await dashboard().answer
        let tag = try #require(first.headers[.eTag])
        #expect(try await dashboard([.ifNoneMatch: tag]).answer.status == 304)
        let (other, _) = try await dashboard([.ifNoneMatch: tag]) { $0.hasSuffix("/me") ? Response(status: .badGateway) : nil }
        #expect(other.status == 200 && other.headers[.eTag] != tag)
    }

    @Test func `is for those who are signed in, and asks nobody for others`() async throws {
        let (answer, spy) = try await dashboard(isSignedIn: false)
        #expect(answer.status == 401 && spy.requests.isEmpty)
    }

    @Test(arguments: [("/api/v1/dashboard?x=1", 422), ("/api/v1/dashboard/x", 404)])
    func `takes no parameters`(path: String, status: Int) async throws {
        #expect(try await dashboard([:], isSignedIn: true, path).answer.status == status)
    }

    @Test func `refuses a position that is none`() async throws {
        let (answer, spy) = try await dashboard([.waitForPosition: "soon"])
        #expect(answer.status == 400 && spy.requests.isEmpty)
    }

    @Test func `costs one call of the caller's limit`() async throws {
        let limits = RateLimits(RateLimitSettings(calls: RateLimit(10, in: .seconds(60)), logins: nil, registrations: nil), now: { 0 })
        #expect(try await dashboard(limits: limits).answer.headers[.rateLimit]?.contains("r=9") == true)
        #expect(try await dashboard(limits: limits).answer.headers[.rateLimit]?.contains("r=8") == true)
    }
}

extension HTTPFields {
    fileprivate func merging(_ others: HTTPFields) -> HTTPFields {
        var all = self
        for field in others { all[field.name] = field.value }
        return all
    }
}
