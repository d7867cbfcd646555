import AccessTokens
import EventSourcing
import PublishingAPI
import Testing

@Suite struct `A service token` {
    private let identities = ServiceIdentities.generate()

    private func caller(_ token: String, audience: ServiceName = .queries, after seconds: Int = 0) -> ServiceName? {
        identities.keys.verify(token, audience: audience, now: noon.advanced(by: .seconds(seconds)))
    }

    @Test func `names its maker to the one it is for, for a minute`() throws {
        let token = try identities[.auth].token(to: .queries, now: noon)
        #expect(caller(token) == .auth)
        #expect(caller(token, after: 59) == .auth)
        #expect(caller(token, after: 60) == nil)
        #expect(caller(token, after: -31) == nil)
        for other in ServiceName.allCases where other != .queries { #expect(caller(token, audience: other) == nil) }
    }

    @Test func `of another key, or changed anywhere, is none`() throws {
        let token = try identities[.auth].token(to: .queries, now: noon)
        #expect(ServiceIdentities.generate().keys.verify(token, audience: .queries, now: noon) == nil)
        for offset in 0..<token.utf8.count {
            var bytes = Array(token.utf8)
            bytes[offset] = bytes[offset] == UInt8(ascii: "1") ? UInt8(ascii: "2") : UInt8(ascii: "1")
            #expect(caller(String(decoding: bytes, as: UTF8.self)) == nil, "byte \(offset)")
        }
        for text in ["", "...", "auth.queries.1.", ".queries.99999999999.AAAA"] { #expect(caller(text) == nil) }
    }

    @Test func `can't be made in the name of a service whose key one does not hold`() throws {
        let seed = Array(repeating: UInt8(7), count: 32)
        let queries = try ServiceIdentity(.queries, seed: seed)
        let posingAsAuth = try ServiceIdentity(.auth, seed: seed)
        let keys = ServiceKeys([identities[.auth], queries])
        #expect(keys.verify(try queries.token(to: .commands, now: noon), audience: .commands, now: noon) == .queries)
        #expect(keys.verify(try posingAsAuth.token(to: .commands, now: noon), audience: .commands, now: noon) == nil)
    }

    @Test func `signed for a time that no clock reaches is none`() throws {
        let far = Timestamp(milliseconds: 1 << 60)
        #expect(caller(try identities[.auth].token(to: .queries, now: far)) == nil)
    }
}

@Suite struct `The public keys of the services` {
    @Test func `come back from the file that holds them`() throws {
        let identities = ServiceIdentities.generate()
        let read = try #require(ServiceKeys(text: identities.keys.text))
        #expect(read.text == identities.keys.text)
        for name in ServiceName.allCases {
            #expect(read.verify(try identities[name].token(to: .auth, now: noon), audience: .auth, now: noon) == name)
        }
    }

    @Test func `are not read from anything else`() {
        let text = ServiceIdentities.generate().keys.text
        for wrong in ["auth", "auth AAAA", "nobody \(text.split(separator: " ")[1])", text + text, text.replacing("gateway", with: "Gateway")] {
            #expect(ServiceKeys(text: wrong) == nil, "\(wrong)")
        }
    }
}
