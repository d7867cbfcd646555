import AccessTokens
import EventSourcing
import Foundation
import HTTPContract
import HTTPTypes
import Hummingbird
import JSON
import PublishingAPI
import Testing

/// A signing key, a user, and what they make.
private struct Issuer {
    let key = SigningKey.generate()
    let subject = UUID.v7()

    func bearer(role: SignedInUser.Role = .user, audience: [String] = ["queries"]) throws -> HTTPFields {
        let token = AccessToken(
            subject: subject, role: role, session: nil, audience: audience, expiresAt: Timestamp.now.advanced(by: .seconds(900)))
        return [.authorization: "Bearer " + (try key.sign(token))]
    }

    var verifier: TokenVerifier {
        let key = key.publicKey
        return TokenVerifier { [key] }
    }
}

@Suite(.timeLimit(.minutes(5))) struct `The caller of a route` {
    private let issuer = Issuer()
    private let identities = ServiceIdentities.generate()

    private var service: ServiceResponder {
        var routes = Routes()
        for endpoint in [Endpoint.listPosts, .currentUser, .listUsers, .erasures, .auditCheckpoint] {
            routes.on(endpoint) { _, context in
                Answer.data {
                    switch context.caller {
                    case .anonymous: $0.string("stranger")
                    case .user(let user): $0.string(user.id.lowercased)
                    case .service(let name): $0.string(name.rawValue)
                    }
                }
            }
        }
        return routes.responder(for: .queries, authentication: Authentication(verifier: issuer.verifier, services: identities.keys), logger: .silent)
    }

    private func answer(_ endpoint: Endpoint, _ headers: HTTPFields = [:]) async throws -> Answered {
        try await service.answer(request(.get, endpoint.path(), headers))
    }

    @Test func `is nobody without credentials`() async throws {
        #expect(try await answer(.listPosts).json?["data"]?.text == "stranger")
        let refused = try await answer(.currentUser)
        #expect(refused.code == "UNAUTHENTICATED" && refused.headers[.wwwAuthenticate] == "Bearer")
        #expect(try await answer(.listUsers).status == 401)
    }

    @Test func `is the bearer of the token`() async throws {
        #expect(try await answer(.currentUser, issuer.bearer()).json?["data"]?.text == issuer.subject.lowercased)
        let token = try #require(try issuer.bearer()[.authorization]).dropFirst(7)
        #expect(try await answer(.currentUser, [.authorization: "bEARER \(token)"]).status == 200)
    }

    @Test func `needs a token that is meant for the service`() async throws {
        #expect(try await answer(.listPosts, issuer.bearer(audience: ["commands"])).status == 401)
    }

    @Test func `needs the role of an admin where only an admin may`() async throws {
        #expect(try await answer(.listUsers, issuer.bearer()).code == "FORBIDDEN")
        #expect(try await answer(.listUsers, issuer.bearer(role: .admin)).status == 200)
    }

    @Test(arguments: ["Bearer x.y.z", "Bearer \(String(repeating: "a", count: 9000))", "Bearer e\u{301}.e\u{301}.e\u{301}"])
    func `is refused with a bad token even where none is needed`(value: String) async throws {
        let refused = try await answer(.listPosts, [.authorization: value])
        #expect(refused.status == 401 && refused.headers[.wwwAuthenticate]?.hasPrefix("Bearer") == true)
    }

    @Test(arguments: ["", "Bearer", "Basic YTpi", "Digest x", "Be\u{301}arer x.y.z"])
    func `may use another scheme where no token is needed, and nowhere else`(value: String) async throws {
        #expect(try await answer(.listPosts, [.authorization: value]).json?["data"]?.text == "stranger")
        #expect(try await answer(.currentUser, [.authorization: value]).status == 401)
    }

    @Test func `is not asked where credentials are ignored`() async throws {
        #expect(try await answer(.auditCheckpoint, [.authorization: "Bearer stale"]).json?["data"]?.text == "stranger")
    }

    @Test func `is a service with a service's token, and users see no internal route`() async throws {
        let token = try identities[.relay].token(to: .queries)
        #expect(try await answer(.erasures, [.serviceToken: token]).json?["data"]?.text == "relay")
        #expect(try await answer(.erasures).status == 404)
        #expect(try await answer(.erasures, issuer.bearer(role: .admin)).status == 404)
        #expect(try await answer(.currentUser, [.serviceToken: token]).status == 401)
        #expect(try await answer(.erasures, [.serviceToken: "auth"]).status == 401)
    }

    @Test func `that is a service may call what names it, and nothing else internal`() async throws {
        for (name, status) in [(.relay, 200), (.auth, 404), (.commands, 404), (.gateway, 404), (.queries, 404)] as [(ServiceName, Int)] {
            let token = try identities[name].token(to: .queries)
            #expect(try await answer(.erasures, [.serviceToken: token]).status == status, "\(name)")
        }
    }

    @Test func `is found out anew, whatever the context says`() async throws {
        var context = freshContext()
        context.caller = .user(SignedInUser(id: issuer.subject, role: .admin))
        #expect(try await service.answer(request(.get, Endpoint.listUsers.path()), context: context).status == 401)
    }

    @Test func `that the gateway of the same process has verified is known without a second look`() async throws {
        let verified = try await issuer.verifier.verify(String(try #require(try issuer.bearer()[.authorization]).dropFirst(7)))
        func status(_ endpoint: Endpoint, _ token: VerifiedToken?) async throws -> Int {
            guard case .endpoint(let match) = try EndpointRouter(Endpoint.allCases).match(request(.get, endpoint.path())) else { return 0 }
            let call = VerifiedCall(match: match, token: token)
            return try await service.send(request(.get, "/"), as: call, context: freshContext()).status.code
        }
        #expect(try await status(.currentUser, verified) == 200)
        #expect(try await status(.currentUser, nil) == 401)
        #expect(try await status(.listUsers, verified) == 403)
        #expect(try await status(.erasures, verified) == 404)
        let foreign = Issuer()
        let other = try await foreign.verifier.verify(String(try #require(try foreign.bearer(audience: ["commands"])[.authorization]).dropFirst(7)))
        #expect(try await status(.listPosts, other) == 401)
    }
}

@Suite(.timeLimit(.minutes(5))) struct `A cursor` {
    private let codec = CursorCodec(key: CursorKey(bytes: Array("a key that only services have".utf8)))
    private let values: [JSONValue] = [.integer(17), .string("2026-01-31T12:00:00.000Z"), .null]

    @Test func `comes back as it was given out`() throws {
        #expect(try codec.decode(codec.encode(values)) == values)
        #expect(try codec.decode(codec.encode([])) == [])
    }

    @Test func `that was changed anywhere is 400`() {
        let cursor = codec.encode(values)
        for offset in 0..<cursor.utf8.count {
            var bytes = Array(cursor.utf8)
            bytes[offset] = bytes[offset] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
            #expect(problem { _ = try codec.decode(String(decoding: bytes, as: UTF8.self)) }?.code == .malformedRequest, "byte \(offset)")
        }
    }

    @Test(arguments: ["", ".", "abc", "W10.", ".AAAA", "W10.AAAAAAAAAAAAAAAAAAAAAA", String(repeating: "a", count: 2000)])
    func `that was made up is 400`(text: String) {
        #expect(problem { _ = try codec.decode(text) }?.code == .malformedRequest)
    }

    @Test func `of another list or another key is 400`() {
        let other = CursorCodec(key: CursorKey(bytes: Array("a key that only services have".utf8)), purpose: "audit")
        let foreign = CursorCodec(key: CursorKey(bytes: Array("another".utf8)))
        for codec in [other, foreign] { #expect(problem { _ = try codec.decode(self.codec.encode(values)) }?.code == .malformedRequest) }
    }
}
