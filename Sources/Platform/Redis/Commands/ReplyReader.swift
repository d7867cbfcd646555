import CHiredis
import NIOCore

/// Takes replies out of the bytes of one connection, by hiredis's reader.
struct ReplyReader: ~Copyable {
    /// No reply that we ask for comes near it.
    private static let mostBuffered = 64 << 20

    private let reader: UnsafeMutablePointer<redisReader>

    init() {
        guard let reader = redisReaderCreate() else { fatalError("no memory for a reader of Redis replies") }
        self.reader = reader
    }

    deinit { redisReaderFree(reader) }

    /// Adds bytes, and hands out each reply that is whole.
    func feed(_ bytes: ByteBuffer, _ body: (RedisReply) -> Void) throws(RedisError) {
        let isTaken = bytes.withUnsafeReadableBytes { bytes in
            redisReaderFeed(reader, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count) == REDIS_OK
        }
        guard isTaken, reader.pointee.len <= Self.mostBuffered else { throw .unreadable("it is too long") }
        while true {
            var reply: UnsafeMutableRawPointer?
            // Its own text would quote the bytes.
            guard redisReaderGetReply(reader, &reply) == REDIS_OK else { throw .unreadable("not RESP") }
            guard let reply else { return }
            defer { freeReplyObject(reply) }
            body(RedisReply(UnsafePointer(reply.assumingMemoryBound(to: redisReply.self))))
        }
    }
}
