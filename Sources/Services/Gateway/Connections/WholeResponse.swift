import FoundationEssentials
import HTTPContract
import HTTPTypes
import NIOCore
import NIOHTTP1
import Synchronization

/// A response of HTTP/1.1 as the bytes of one write.
enum WholeResponse {
    /// Larger bodies are not copied behind the head.
    private static let largestCopy = 16 << 10

    /// The head, and the body behind it where that is short.
    /// - Parameters:
    ///   - isLast: the connection ends with it.
    ///   - withoutBody: the answer to HEAD.
    /// - Returns: the bytes, and the body that goes after them.
    static func bytes(
        of answer: ReadyAnswer, isLast: Bool, withoutBody: Bool, allocator: ByteBufferAllocator, at now: NIODeadline
    ) -> (ByteBuffer, then: ByteBuffer?) {
        let length = answer.body?.readableBytes ?? 0
        let isCopied = !withoutBody && length <= largestCopy
        var buffer = allocator.buffer(capacity: 768 + (isCopied ? length : 0))
        buffer.writeStaticString("HTTP/1.1 ")
        buffer.writeStatus(answer.status)
        for field in answer.headers {
            buffer.writeString(field.name.rawName)
            buffer.writeStaticString(": ")
            buffer.writeString(field.value)
            buffer.writeStaticString("\r\n")
        }
        if answer.body != nil {
            buffer.writeStaticString("Content-Length: ")
            buffer.writeString(String(length))
            buffer.writeStaticString("\r\n")
        }
        if isLast { buffer.writeStaticString("Connection: close\r\n") }
        buffer.writeStaticString("Date: ")
        buffer.writeString(DateText.current(at: now))
        buffer.writeStaticString("\r\n\r\n")
        guard let body = answer.body, !withoutBody else { return (buffer, nil) }
        guard isCopied else { return (buffer, body) }
        buffer.writeImmutableBuffer(body)
        return (buffer, nil)
    }
}

/// The value of `Date`, made anew once a second.
private enum DateText {
    private static let known = Mutex((second: UInt64.max, text: ""))

    static func current(at now: NIODeadline) -> String {
        let second = now.uptimeNanoseconds / 1_000_000_000
        return known.withLock { known in
            if known.second != second { known = (second, Date.now.imfFixdate) }
            return known.text
        }
    }
}

extension ByteBuffer {
    fileprivate mutating func writeStatus(_ status: HTTPResponse.Status) {
        if status.code == 200 {
            writeStaticString("200 OK\r\n")
        } else {
            let known = HTTPResponseStatus(statusCode: status.code, reasonPhrase: status.reasonPhrase)
            writeString("\(known.code) \(known.reasonPhrase)\r\n")
        }
    }
}
