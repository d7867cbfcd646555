import EventSourcing
import HTTPContract
import HTTPTypes
import Hummingbird
import JSON
import Testing

@Suite struct `The caller of a route` {
    private let issuer = Issuer()
    private let key = ServiceKey(bytes: Array("a key that only services have, 32 bytes".utf8))

    private var service: ServiceResponder {
        var routes = Routes()
        func named(_ read: @escaping @Sendable (CallContext) throws -> String) -> Routes.Handler {
            { _, context in
                let name = try read(context)
                return Answer.data { $0.string(name) }
            }
        }
        routes.on(.get, "/anyone", named { $0.user == nil ? "stranger" : "user" })
        routes.on(.get, "/signed-in", named { try $0.signedIn().id.lowercased })
        routes.on(.get, "/admin", named { try $0.admin().role.rawValue })
        routes.on(.get, "/internal", named { try $0.service() })
        routes.on(.get, "/refresh", ignoringCredentials: true, named { $0.user == nil ? "stranger" : "user" })
        return routes.responder(service: "posts", verifier: issuer.verifier(), serviceKey: key, logger: .silent)
    }

    private func answer(_ path: String, _ headers: HTTPFields = [:]) async throws -> Answered {
        try await service.answer(request(.get, path, headers))
    }

    private func bearer(_ token: AccessToken) throws -> HTTPFields { [.authorization: "Bearer " + (try issuer.key.sign(token))] }

    @Test func `is nobody without credentials`() async throws {
        #expect(try await answer("/anyone").json?["data"]?.text == "stranger")
        let refused = try await answer("/signed-in")
        #expect(refused.code == "UNAUTHENTICATED" && refused.headers[.wwwAuthenticate] == "Bearer")
        #expect(try await answer("/admin").status == 401)
    }

    @Test func `is the bearer of the token`() async throws {
        #expect(try await answer("/signed-in", bearer(issuer.token())).json?["data"]?.text == issuer.subject.lowercased)
        #expect(try await answer("/signed-in", [.authorization: "bearer " + issuer.key.sign(issuer.token())]).status == 200)
    }

    @Test func `needs the role of an admin where only an admin may`() async throws {
        #expect(try await answer("/admin", bearer(issuer.token())).code == "FORBIDDEN")
        #expect(try await answer("/admin", bearer(issuer.token(role: .admin))).status == 200)
    }

    @Test(arguments: ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer x.y.z", "Bearer \(String(repeating: "a", count: 9000))"])
    func `is refused with bad credentials even where none are needed`(value: String) async throws {
        let refused = try await answer("/anyone", [.authorization: value])
        #expect(refused.status == 401 && refused.headers[.wwwAuthenticate]?.hasPrefix("Bearer") == true)
    }

    @Test func `is not asked where credentials are got`() async throws {
        #expect(try await answer("/refresh", [.authorization: "Bearer stale"]).json?["data"]?.text == "stranger")
    }

    @Test func `is a service with a service's token, and users see no internal route`() async throws {
        let token = key.token(from: "auth", to: "posts", now: .now)
        #expect(try await answer("/internal", [.serviceToken: token]).json?["data"]?.text == "auth")
        #expect(try await answer("/internal").status == 404)
        #expect(try await answer("/internal", bearer(issuer.token(role: .admin))).status == 404)
        #expect(try await answer("/signed-in", [.serviceToken: token]).status == 401)
        #expect(try await answer("/internal", [.serviceToken: "auth"]).status == 401)
    }

    @Test func `is found out anew, whatever the context says`() async throws {
        var context = freshContext()
        context.caller = .user(SignedInUser(id: issuer.subject, role: .admin))
        #expect(try await service.answer(request(.get, "/admin"), context: context).status == 401)
    }
}

@Suite struct `A service token` {
    private let key = ServiceKey(bytes: Array("a key that only services have, 32 bytes".utf8))

    @Test func `names its maker to the one it is for, for a minute`() {
        let token = key.token(from: "auth", to: "posts", now: noon)
        #expect(key.verify(token, audience: "posts", now: noon) == "auth")
        #expect(key.verify(token, audience: "posts", now: noon.advanced(by: .seconds(59))) == "auth")
        #expect(key.verify(token, audience: "posts", now: noon.advanced(by: .seconds(60))) == nil)
        #expect(key.verify(token, audience: "posts", now: noon.advanced(by: .seconds(-31))) == nil)
        #expect(key.verify(token, audience: "auth", now: noon) == nil)
    }

    @Test func `of another key, or changed anywhere, is none`() {
        let token = key.token(from: "auth", to: "posts", now: noon)
        #expect(ServiceKey(bytes: Array("another key".utf8)).verify(token, audience: "posts", now: noon) == nil)
        for offset in 0..<token.utf8.count {
            var bytes = Array(token.utf8)
            bytes[offset] = bytes[offset] == UInt8(ascii: "1") ? UInt8(ascii: "2") : UInt8(ascii: "1")
            #expect(key.verify(String(decoding: bytes, as: UTF8.self), audience: "posts", now: noon) == nil, "byte \(offset)")
        }
        for text in ["", "...", "auth.posts.1.", ".posts.99999999999.AAAA"] { #expect(key.verify(text, audience: "posts", now: noon) == nil) }
    }
}

@Suite struct `A cursor` {
    private let codec = CursorCodec(key: ServiceKey(bytes: Array("a key that only services have".utf8)))
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
        let other = CursorCodec(key: ServiceKey(bytes: Array("a key that only services have".utf8)), purpose: "audit")
        let foreign = CursorCodec(key: ServiceKey(bytes: Array("another".utf8)))
        for codec in [other, foreign] { #expect(problem { _ = try codec.decode(self.codec.encode(values)) }?.code == .malformedRequest) }
    }
}

@Suite struct `The base64url alphabet` {
    @Test(arguments: [("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"), ("fooba", "Zm9vYmE"), ("foobar", "Zm9vYmFy")])
    func `writes and reads RFC 4648's own examples`(row: (String, String)) {
        #expect(Base64URL.encode(Array(row.0.utf8)) == row.1)
        #expect(Base64URL.decode(row.1) == Array(row.0.utf8))
    }

    @Test func `knows no padding, no other alphabet and no second spelling`() {
        #expect(Base64URL.encode([0xFB, 0xFF]) == "-_8")
        for text in ["Zg==", "Zh", "+_8", "-/8", "A", "Zm9v ", "Zm9v\n", "é"] { #expect(Base64URL.decode(text) == nil, "\(text)") }
    }
}
