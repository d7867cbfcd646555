import CHiredis
import Glibc
import NIOCore

/// A command and its arguments, each any bytes.
package struct RedisCommand: Sendable {
    /// All arguments, one after the other.
    private var bytes: [UInt8] = []
    private var lengths: [Int] = []

    package init(_ words: String...) { for word in words { append(word) } }

    package mutating func append(_ text: String) {
        bytes.append(contentsOf: text.utf8)
        lengths.append(text.utf8.count)
    }

    package mutating func append(_ number: Int64) { append(String(number)) }

    /// Writes it in RESP, as hiredis does.
    func encode(into buffer: inout ByteBuffer) {
        var text: UnsafeMutablePointer<CChar>?
        let count = bytes.withUnsafeBytes { bytes in
            // An empty array has no address.
            let start = bytes.baseAddress?.assumingMemoryBound(to: CChar.self)
            var offset = 0
            var arguments = lengths.map { length -> UnsafePointer<CChar>? in
                defer { offset += length }
                return start.map { $0 + offset }
            }
            return Int(redisFormatCommandArgv(&text, Int32(lengths.count), &arguments, lengths))
        }
        // It fails only when memory has run out, as Swift's own allocations end the process then.
        guard count >= 0, let text else { fatalError("no memory for a Redis command") }
        buffer.writeBytes(UnsafeRawBufferPointer(start: text, count: count))
        redisFreeCommand(text)
    }
}
