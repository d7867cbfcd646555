import NIOCore
import Testing

@testable import Redis

@Suite struct `The bytes of a server` {
    @Test func `may come in any pieces`() throws {
        let bytes = ByteBuffer(string: "+OK\r\n:7\r\n$2\r\n\r\n\r\n*2\r\n$-1\r\n*1\r\n-ERR x y\r\n")
        for size in 1...bytes.readableBytes {
            let reader = ReplyReader()
            var replies: [RedisReply] = []
            var rest = bytes
            while let piece = rest.readSlice(length: min(size, rest.readableBytes)), piece.readableBytes > 0 {
                try reader.feed(piece) { replies.append($0) }
            }
            #expect(replies == [.text("OK"), .integer(7), .text("\r\n"), .array([.null, .array([.failure("ERR x y")])])])
        }
    }

    @Test(arguments: ["HTTP/1.1 400 Bad Request\r\n", ":x\r\n", "$x\r\n", "*x\r\n", "\r\n", "%1\r\n+a\r\n+b\r\n"])
    func `that are no RESP 2 are refused, and not quoted`(text: String) {
        #expect(throws: RedisError.unreadable("not RESP")) { try ReplyReader().feed(ByteBuffer(string: text)) { _ in } }
    }
}
