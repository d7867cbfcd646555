import CHiredis

/// A reply of the server.
package enum RedisReply: Hashable, Sendable {
    case null
    case integer(Int64)
    /// A simple or a bulk string. Bytes that are no UTF-8 are replaced.
    case text(String)
    case array([RedisReply])
    /// An error inside an array, as its line. One that is the whole reply is thrown instead.
    case failure(String)
}

extension RedisReply {
    package var text: String? { if case .text(let text) = self { text } else { nil } }
    package var integer: Int64? { if case .integer(let number) = self { number } else { nil } }
    package var array: [RedisReply]? { if case .array(let elements) = self { elements } else { nil } }

    /// Copies a reply that hiredis has read.
    init(_ reply: UnsafePointer<redisReply>) {
        let value = reply.pointee
        switch value.type {
        case REDIS_REPLY_NIL: self = .null
        case REDIS_REPLY_INTEGER: self = .integer(value.integer)
        case REDIS_REPLY_STRING, REDIS_REPLY_STATUS: self = .text(Self.string(value))
        case REDIS_REPLY_ARRAY:
            self = .array((0..<Int(value.elements)).map { index in value.element[index].map { RedisReply($0) } ?? .null })
        case REDIS_REPLY_ERROR: self = .failure(Self.string(value))
        // Types of RESP 3, which no connection of ours asks for.
        case let type: self = .failure("ERR a reply of type \(type)")
        }
    }

    private static func string(_ value: redisReply) -> String {
        String(decoding: UnsafeRawBufferPointer(start: value.str, count: Int(value.len)), as: UTF8.self)
    }
}
