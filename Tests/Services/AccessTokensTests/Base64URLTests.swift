import AccessTokens
import Testing

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
