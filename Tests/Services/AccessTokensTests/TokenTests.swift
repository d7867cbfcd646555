import AccessTokens
import Crypto
import EventSourcing
import Foundation
import JSON
import JWTKit
import Synchronization
import Testing

/// A moment that every test of tokens happens at.
let noon = Timestamp(milliseconds: 1_790_000_000_000)

/// One signing key, and a verifier for the service `posts` that knows it.
struct Issuer {
    let key = SigningKey.generate()
    let subject = UUID.v7(at: noon)
    let session = UUID.v7(at: noon)

    func token(
        role: SignedInUser.Role = .user, version: Int = 5, audience: [String] = ["posts"], issuedAt: Timestamp = noon,
        lifetime: Duration = .seconds(900),
        isOperator: Bool = false
    ) -> AccessToken {
        AccessToken(
            subject: subject, role: role, version: version, session: session, audience: audience, issuedAt: issuedAt,
            expiresAt: issuedAt.advanced(by: lifetime),
            isOperator: isOperator)
    }

    func verifier(capacity: Int = 10, now: @escaping @Sendable () -> Timestamp = { noon }) -> TokenVerifier {
        let key = key.publicKey
        return TokenVerifier(cacheCapacity: capacity, now: now) { [key] }
    }

    /// A token of any header and claims, signed with the right key.
    func sign(header: JSONObject? = nil, claims: JSONObject) throws -> String {
        let header = header ?? ["alg": .string("EdDSA"), "kid": .string(key.kid), "typ": .string("JWT")]
        let input = Base64URL.encode(JSONValue.object(header).encoded) + "." + Base64URL.encode(JSONValue.object(claims).encoded)
        let privateKey = try Curve25519.Signing.PrivateKey(rawRepresentation: key.privateKeyBytes)
        return input + "." + Base64URL.encode(try privateKey.signature(for: Data(input.utf8)))
    }
}

/// A clock that a test sets.
final class Clock: Sendable {
    private let time = Mutex((now: noon, uptime: ContinuousClock.now))
    var now: Timestamp { time.withLock { $0.now } }
    /// The time of a clock that nobody sets.
    var uptime: ContinuousClock.Instant { time.withLock { $0.uptime } }
    func advance(_ duration: Duration) { time.withLock { $0 = ($0.now.advanced(by: duration), $0.uptime + duration) } }
    /// As when somebody sets it.
    func setBack(_ duration: Duration) { time.withLock { $0.now = $0.now.advanced(by: .zero - duration) } }
}

/// How a token is refused.
enum Refusal: Equatable {
    case bad
    case unavailable
}

/// How the service `posts` refuses a token; nil when it accepts it.
func refusal(_ verifier: TokenVerifier, _ token: String) async -> Refusal? {
    do {
        _ = try await verifier.verify(token).user(for: "posts")
        return nil
    } catch {
        switch error {
        case .invalid, .expired, .revoked: return .bad
        case .unavailable: return .unavailable
        }
    }
}

/// Our claims as an independent library reads them.
private struct Claims: JWTPayload {
    var iss: IssuerClaim = "annals"
    var sub: SubjectClaim
    var role: String = "user"
    var aud = AudienceClaim(value: ["posts"])
    var iat: IssuedAtClaim
    var exp: ExpirationClaim
    var jti: IDClaim

    init(_ token: AccessToken) {
        sub = .init(value: token.subject.lowercased)
        iat = .init(value: Date(timeIntervalSince1970: Double(token.issuedAt.milliseconds / 1000)))
        exp = .init(value: Date(timeIntervalSince1970: Double(token.expiresAt.milliseconds / 1000)))
        jti = .init(value: token.id.lowercased)
    }

    func verify(using algorithm: some JWTAlgorithm) throws {}
}

@Suite(.timeLimit(.minutes(5))) struct `A good access token` {
    private let issuer = Issuer()

    @Test func `makes its bearer known`() async throws {
        let token = try issuer.key.sign(issuer.token(role: .admin, isOperator: true))
        let user = try await issuer.verifier().verify(token).user(for: "posts")
        #expect(user == SignedInUser(id: issuer.subject, role: .admin, session: issuer.session, isOperator: true))
    }

    @Test func `is one to another implementation too`() async throws {
        let token = issuer.token()
        let keys = JWTKeyCollection()
        let set = JSONValue.object(["keys": .array([.object(issuer.key.publicKey.jwk)])]).serialized
        try await keys.add(jwksJSON: set)
        let claims = try await keys.verify(try issuer.key.sign(token), as: Claims.self)
        #expect(claims.sub.value == issuer.subject.lowercased && claims.jti.value == token.id.lowercased)
        #expect(Int64(claims.exp.value.timeIntervalSince1970) == token.expiresAt.milliseconds / 1000)
    }

    @Test func `may come from another implementation`() async throws {
        let keys = JWTKeyCollection()
        let seed = Data(issuer.key.privateKeyBytes).base64EncodedString()
        try await keys.add(eddsa: EdDSA.PrivateKey(d: seed, curve: .ed25519), kid: JWKIdentifier(string: issuer.key.kid))
        let token = try await keys.sign(Claims(issuer.token()), kid: JWKIdentifier(string: issuer.key.kid))
        #expect(try await issuer.verifier().verify(token).user(for: "posts").id == issuer.subject)
    }

    @Test func `is read back with the millisecond of its issue`() throws {
        let token = issuer.token(issuedAt: noon.advanced(by: .milliseconds(417)))
        let read = try #require(AccessToken(claims: token.claims))
        #expect(read.issuedAt == token.issuedAt)
        #expect(token.claims["iat"] == .integer(noon.milliseconds / 1000))
    }

    @Test func `may be meant for several services`() async throws {
        #expect(await refusal(issuer.verifier(), try issuer.key.sign(issuer.token(audience: ["auth", "posts"]))) == nil)
    }

    @Test func `may run ahead of our clock by half a minute`() async throws {
        #expect(await refusal(issuer.verifier(), try issuer.key.sign(issuer.token(issuedAt: noon.advanced(by: .seconds(30))))) == nil)
        #expect(await refusal(issuer.verifier(), try issuer.key.sign(issuer.token(issuedAt: noon.advanced(by: .seconds(31))))) == .bad)
    }

    @Test func `is checked once, and ends at its expiry all the same`() async throws {
        let clock = Clock()
        let verifier = issuer.verifier { clock.now }
        let token = try issuer.key.sign(issuer.token(lifetime: .seconds(40)))
        #expect(await refusal(verifier, token) == nil)
        clock.advance(.seconds(39))
        #expect(await refusal(verifier, token) == nil)
        clock.advance(.seconds(1))
        #expect(await refusal(verifier, token) == .bad)
    }

    @Test func `is remembered among few others only`() async throws {
        let verifier = issuer.verifier(capacity: 3)
        for _ in 0..<20 { #expect(await refusal(verifier, try issuer.key.sign(issuer.token())) == nil) }
    }

    @Test func `ends with its session, or with what its user was`() async throws {
        let token = try issuer.key.sign(issuer.token(issuedAt: noon.advanced(by: .milliseconds(500))))
        let key = issuer.key.publicKey
        for (ending, code) in [
            (Revocations(sessions: [issuer.session]), Refusal.bad),
            (Revocations(users: [issuer.subject: 6]), .bad),
            (Revocations(users: [issuer.subject: 5]), nil),
            (Revocations(sessions: [.v7()], users: [.v7(): 9]), nil),
        ] as [(Revocations, Refusal?)] {
            let list = RevocationList()
            let verifier = TokenVerifier(revocations: list, now: { noon }) { [key] }
            #expect(await refusal(verifier, token) == nil)
            list.add(ending, askedAt: .now)
            #expect(await refusal(verifier, token) == code)
        }
    }
}

@Suite(.timeLimit(.minutes(5))) struct `A forged access token` {
    private let issuer = Issuer()

    private func isRefused(_ token: String) async -> Bool { await refusal(issuer.verifier(), token) == .bad }

    private func edited(_ name: String, _ value: JSONValue?) throws -> String {
        var claims = issuer.token().claims
        claims[name] = value
        return try issuer.sign(claims: claims)
    }

    @Test func `of this test's own signer is good when nothing is wrong with it`() async throws {
        #expect(await refusal(issuer.verifier(), try issuer.sign(claims: issuer.token().claims)) == nil)
    }

    @Test func `is refused when it needs no signature`() async throws {
        for algorithm in ["none", "None", "NONE", ""] {
            let header: JSONObject = ["alg": .string(algorithm), "kid": .string(issuer.key.kid)]
            let signed = try issuer.sign(header: header, claims: issuer.token().claims)
            #expect(await isRefused(signed))
            #expect(await isRefused(signed.split(separator: ".")[..<2].joined(separator: ".") + "."))
        }
        let good = try issuer.key.sign(issuer.token())
        #expect(await isRefused(good.split(separator: ".")[..<2].joined(separator: ".") + "."))
    }

    @Test func `is refused when it is signed with the public key as a shared secret`() async throws {
        let keys = JWTKeyCollection()
        for secret in [Data(issuer.key.publicKey.x), Data(Base64URL.encode(issuer.key.publicKey.x).utf8)] {
            await keys.add(hmac: HMACKey(from: secret), digestAlgorithm: .sha256, kid: JWKIdentifier(string: issuer.key.kid))
            let token = try await keys.sign(Claims(issuer.token()), kid: JWKIdentifier(string: issuer.key.kid))
            #expect(await isRefused(token))
        }
    }

    @Test func `is refused when another key signed it, under a foreign name or under ours`() async throws {
        #expect(await isRefused(try SigningKey.generate().sign(issuer.token())))
        let thief = try SigningKey(kid: issuer.key.kid, privateKey: SigningKey.generate().privateKeyBytes)
        #expect(await isRefused(try thief.sign(issuer.token())))
    }

    @Test func `is refused when its header names no key, another type or something critical`() async throws {
        let good: JSONObject = ["alg": .string("EdDSA"), "kid": .string(issuer.key.kid)]
        #expect(await refusal(issuer.verifier(), try issuer.sign(header: good, claims: issuer.token().claims)) == nil)
        for (name, value) in [("kid", nil), ("typ", JSONValue.string("JOSE")), ("crit", .array([.string("exp")])), ("alg", .string("ES256"))]
            as [(String, JSONValue?)]
        {
            var header = good
            header[name] = value
            #expect(await isRefused(try issuer.sign(header: header, claims: issuer.token().claims)), "\(name)")
        }
    }

    @Test func `is refused when any byte of it was changed`() async throws {
        let token = try issuer.key.sign(issuer.token())
        let verifier = issuer.verifier()
        #expect(await refusal(verifier, token) == nil)
        for index in token.utf8.indices {
            var bytes = Array(token.utf8)
            let offset = token.utf8.distance(from: token.utf8.startIndex, to: index)
            bytes[offset] = bytes[offset] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
            #expect(await refusal(verifier, String(decoding: bytes, as: UTF8.self)) == .bad, "byte \(offset)")
        }
    }

    @Test func `is refused when its payload was exchanged`() async throws {
        let parts = try issuer.key.sign(issuer.token()).split(separator: ".")
        let admin = try issuer.key.sign(issuer.token(role: .admin)).split(separator: ".")
        #expect(await isRefused("\(parts[0]).\(admin[1]).\(parts[2])"))
    }

    @Test func `is refused for another service`() async throws {
        #expect(await isRefused(try issuer.key.sign(issuer.token(audience: ["auth"]))))
        #expect(await isRefused(try issuer.key.sign(issuer.token(audience: []))))
    }

    @Test func `is refused once expired, to the second`() async throws {
        #expect(await isRefused(try issuer.key.sign(issuer.token(issuedAt: noon.advanced(by: .seconds(-900))))))
        #expect(await refusal(issuer.verifier(), try issuer.key.sign(issuer.token(issuedAt: noon.advanced(by: .seconds(-899))))) == nil)
    }

    @Test func `is refused before its time`() async throws {
        let seconds = noon.milliseconds / 1000
        #expect(await isRefused(try edited("nbf", .integer(seconds + 31))))
        #expect(await refusal(issuer.verifier(), try edited("nbf", .integer(seconds + 30))) == nil)
        #expect(await isRefused(try edited("nbf", .string("soon"))))
    }

    @Test(arguments: ["iss", "sub", "role", "aud", "iat", "exp", "jti"]) func `is refused without a claim that ours have`(name: String) async throws {
        #expect(await isRefused(try edited(name, nil)))
        #expect(await isRefused(try edited(name, .null)))
    }

    @Test func `is refused with a claim of another form`() async throws {
        let forms: [(String, JSONValue)] = [
            ("iss", .string("someone")), ("sub", .string("17")), ("role", .string("root")), ("aud", .array([.integer(1), .string("posts")])),
            ("iat", .string("1")), ("exp", .number(1e300)), ("exp", .integer(.max)), ("exp", .integer(-1)), ("jti", .string("x")),
            ("sid", .string("x")),
            ("operator", .string("true")),
        ]
        for (name, value) in forms { #expect(await isRefused(try edited(name, value)), "\(name)") }
    }

    @Test(arguments: ["", ".", "..", "...", "a.b.c", "a.b", "=.=.=", String(repeating: "a", count: 5000)])
    func `is refused when it is no token at all`(text: String) async {
        #expect(await isRefused(text))
    }
}

@Suite(.timeLimit(.minutes(5))) struct `The issuer's keys` {
    /// An issuer that can be down, and counts how often it is asked.
    private final class Keys: Sendable {
        private let state = Mutex((keys: [VerificationKey](), count: 0, isDown: false))
        var count: Int { state.withLock { $0.count } }
        func set(_ keys: [VerificationKey]) { state.withLock { $0.keys = keys } }
        func setDown(_ isDown: Bool) { state.withLock { $0.isDown = isDown } }
        func fetch() async throws -> [VerificationKey] {
            try state.withLock { state in
                state.count += 1
                if state.isDown { throw CancellationError() }
                return state.keys
            }
        }
    }

    private let clock = Clock()
    private let keys = Keys()
    private let issuer = Issuer()

    private func verifier() -> TokenVerifier {
        let (clock, keys) = (clock, keys)
        return TokenVerifier(now: { clock.now }, uptime: { clock.uptime }, fetchKeys: { try await keys.fetch() })
    }

    @Test func `are fetched again in time though the clock has gone back`() async throws {
        let verifier = verifier()
        #expect(await refusal(verifier, try issuer.key.sign(issuer.token())) == .bad)
        clock.setBack(.seconds(7200))
        keys.set([issuer.key.publicKey])
        clock.advance(.seconds(10))
        let token = try issuer.key.sign(issuer.token(issuedAt: clock.now))
        #expect(await refusal(verifier, token) == nil)
        keys.set([SigningKey.generate().publicKey])
        clock.setBack(.seconds(7200))
        clock.advance(.seconds(300))
        // Another token: what was verified once is remembered.
        #expect(await refusal(verifier, try issuer.key.sign(issuer.token(issuedAt: clock.now))) == .bad)
    }

    @Test func `are fetched again for an unknown name, ten seconds apart`() async throws {
        let verifier = verifier()
        let token = try issuer.key.sign(issuer.token())
        #expect(await refusal(verifier, token) == .bad)
        keys.set([issuer.key.publicKey])
        for _ in 0..<50 { #expect(await refusal(verifier, token) == .bad) }
        #expect(keys.count == 1)
        clock.advance(.seconds(10))
        #expect(await refusal(verifier, token) == nil)
        #expect(keys.count == 2)
    }

    @Test func `are fetched once however many ask at once`() async throws {
        keys.set([issuer.key.publicKey])
        let verifier = verifier()
        let tokens = try (0..<50).map { _ in try issuer.key.sign(issuer.token()) }
        await withTaskGroup(of: Refusal?.self) { group in
            for token in tokens { group.addTask { await refusal(verifier, token) } }
            for await code in group { #expect(code == nil) }
        }
        #expect(keys.count == 1)
    }

    @Test func `that can't be had make it 503, not 401`() async throws {
        keys.setDown(true)
        let verifier = verifier()
        let token = try issuer.key.sign(issuer.token())
        #expect(await refusal(verifier, token) == .unavailable)
        #expect(await refusal(verifier, token) == .unavailable)
        keys.setDown(false)
        keys.set([issuer.key.publicKey])
        clock.advance(.seconds(1))
        #expect(await refusal(verifier, token) == nil)
    }

    @Test func `that were withdrawn stop verifying within minutes`() async throws {
        keys.set([issuer.key.publicKey])
        let verifier = verifier()
        let token = try issuer.key.sign(issuer.token())
        #expect(await refusal(verifier, token) == nil)
        keys.set([SigningKey.generate().publicKey])
        clock.advance(.seconds(300))
        #expect(await refusal(verifier, token) == .bad)
    }

    @Test func `stay good for what they verify while the issuer is down`() async throws {
        keys.set([issuer.key.publicKey])
        let verifier = verifier()
        #expect(await refusal(verifier, try issuer.key.sign(issuer.token())) == nil)
        keys.setDown(true)
        clock.advance(.seconds(301))
        #expect(await refusal(verifier, try issuer.key.sign(issuer.token(issuedAt: clock.now))) == nil)
    }

    @Test func `are published and read back, keys of other kinds passed over`() throws {
        let jwk = issuer.key.publicKey.jwk
        var foreign = jwk
        foreign["alg"] = .string("ES256")
        var short = jwk
        short["x"] = .string("AAAA")
        let set = JSONValue.object(["keys": .array([.object(foreign), .object(short), .string("x"), .object(jwk)])])
        let read = VerificationKey.keys(jwks: set)
        #expect(read.map(\.kid) == [issuer.key.kid] && read.first?.x == issuer.key.publicKey.x)
        #expect(VerificationKey.keys(jwks: .null).isEmpty)
    }
}
