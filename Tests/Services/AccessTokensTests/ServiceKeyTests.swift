import AccessTokens
import EventSourcing
import Testing

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

@Suite struct `The base64url alphabet` {
    @Test(arguments: [("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"), ("fooba", "Zm9vYmE"), ("foobar", "Zm9vYmFy")])
    func `writes and reads RFC 4648's own examples`(row: (String, String)) {
        #expect(Base64URL.encode(Array(row.0.utf8)) == row.1)
        #expect(Base64URL.decode(row.1.utf8) == Array(row.0.utf8))
    }

    @Test func `knows no padding, no other alphabet and no second spelling`() {
        #expect(Base64URL.encode([0xFB, 0xFF]) == "-_8")
        for text in ["Zg==", "Zh", "+_8", "-/8", "A", "Zm9v ", "Zm9v\n", "é"] { #expect(Base64URL.decode(text.utf8) == nil, "\(text)") }
    }
}
