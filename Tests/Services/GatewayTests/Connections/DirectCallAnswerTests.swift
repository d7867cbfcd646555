import AccessTokens
import EventSourcing
import Foundation
import HTTPContract
import HTTPTypes
import Hummingbird
import NIOCore
import Synchronization
import TestSupport
import Testing

@testable import Gateway

private let (list, post, slug) = (Ask.list, Ask.post, Ask.slug)

@Suite(.timeLimit(.minutes(5))) struct `The answer to a call on the event loop` {
    private struct Broken: Error {}

    /// Answers of several kinds, as the path asks for.
    private func stand() -> Newsstand {
        Newsstand { request in
            let kind = (request.head.path ?? "").split(separator: "=").last ?? ""
            switch kind {
            case "unchanged": return .notModified(headers: [.eTag: "W/\"1.ab\"", .cacheControl: "private, no-cache"])
            case "missing": throw Problem.notFound()
            case "broken": throw Broken()
            case "large": return .bytes(ByteBuffer(repeating: UInt8(ascii: "1"), count: 100_000), headers: [.cacheControl: "no-store"])
            default: return Newsstand.text("text", [.eTag: "W/\"1.ab\""])
            }
        }
    }

    @Test(arguments: ["GET", "HEAD"], ["found", "unchanged", "missing", "broken", "large"])
    func `is the one that a task gives`(method: String, kind: String) async throws {
        let stand = stand()
        try await stand.serve({
            $0.crossOrigin = .everyone
            $0.strictTransportSecurity = .seconds(60)
        }) { port, _ in
            let ids = ["X-Request-ID: mine", "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "Origin: https://a.example"]
                .joined(separator: "\r\n")
            var answers: [WireResponse] = []
            for field in [ids, ids + "\r\nContent-Length: 0"] {
                let wire = try Wire(port: port)
                await wire.send(Ask.get("\(list)?as=\(kind)", field, Ask.closing, method: method))
                answers.append(try #require(WireResponse.all(in: try await wire.rest(), isHead: method == "HEAD").first))
            }
            #expect(stand.ways.map { $0.prefix(6) } == ["direct", "usual "])
            let (direct, usual) = (answers[0], answers[1])
            #expect(direct.status == usual.status && direct.body == usual.body)
            let headers = answers.map { $0.headers.filter { $0.key != "date" } }
            #expect(headers[0] == headers[1])
            #expect(direct.headers["date"]?.hasSuffix(" GMT") == true && direct.headers["x-request-id"] == "mine")
        }
    }

    @Test func `is charged once, whichever way it comes`() async throws {
        let settings = RateLimitSettings(calls: RateLimit(3, in: .seconds(60)), logins: nil, registrations: nil)
        let stand = Newsstand(isOpen: true)
        try await stand.serve(limits: RateLimits(settings, now: HandClock().reading)) { port, _ in
            let wire = try Wire(port: port)
            await wire.send(Ask.get(list) + Ask.get(post) + Ask.get(slug) + Ask.get(slug) + Ask.get("/health", Ask.closing))
            let answers = WireResponse.all(in: try await wire.rest())
            #expect(answers.map(\.status) == [200, 200, 200, 429, 200])
            let left = answers.map { $0.headers["ratelimit"]?.split(separator: ";").dropFirst().first.map(String.init) }
            #expect(left == ["r=2", "r=1", "r=0", "r=0", nil])
            let other = try Wire(port: port)
            await other.send(Ask.get(list, Ask.closing))
            let refused = WireResponse.all(in: try await other.rest())
            #expect(refused.map(\.status) == [429] && refused.first?.headers["retry-after"] == "20")
            #expect(stand.ways == ["direct \(list)", "direct \(post)", "usual \(slug)"])
        }
    }

    @Test func `with a token is direct once that is known to be good, and needs a good one each time`() async throws {
        let (key, stranger) = (SigningKey.generate(), SigningKey.generate())
        let now = Mutex(Timestamp.now)
        let token = AccessToken(
            subject: .v7(), role: .user, session: nil, audience: ["queries"], expiresAt: Timestamp.now.advanced(by: .seconds(900)))
        var elsewhere = token
        elsewhere.audience = ["commands"]
        let (good, forged, other) = (try key.sign(token), try stranger.sign(token), try key.sign(elsewhere))
        let stand = Newsstand()
        try await stand.serve(verifier: TokenVerifier(now: { now.withLock { $0 } }) { [key.publicKey] }) { port, _ in
            let wire = try Wire(port: port)
            func call(_ token: String) async throws -> String {
                await wire.send(Ask.get(list, "Authorization: Bearer \(token)"))
                return String(try await wire.answer().dropFirst(9).prefix(3))
            }
            #expect(try await call(good) == "200")
            #expect(try await call(good) == "200")
            #expect(stand.ways == ["usual \(list)", "direct \(list)"])
            for bad in [forged, other, "x.y.z", other, forged] { #expect(try await call(bad) == "401") }
            #expect(try await call(good) == "200")
            now.withLock { $0 = $0.advanced(by: .seconds(1000)) }
            #expect(try await call(good) == "401")
            #expect(stand.ways == ["usual \(list)", "direct \(list)", "direct \(list)"])
        }
    }
}
