import CRabbitMQ
import Postgres

/// A message as a consumer gets it.
package struct ReadMessage: Sendable {
    package let id: String
    package let routingKey: String
    package let type: String
    package let contentType: String
    package let isPersistent: Bool
    package let body: String
}

extension RabbitMQServer {
    package struct Refusal: Error { let reason: String }

    /// Makes a durable queue that gets what is published to a durable topic exchange, which is made, too.
    package func bind(_ queue: String, to exchange: String, key: String = "#") async throws {
        try await withSession { session in
            try session.declare(exchange: exchange)
            try session.declare(queue: queue, boundTo: exchange, key: key)
        }
    }

    /// Takes all messages out of a queue, in their order.
    package func messages(in queue: String) async throws -> [ReadMessage] {
        try await withSession { session in
            var messages: [ReadMessage] = []
            while let message = try session.next(in: queue) { messages.append(message) }
            return messages
        }
    }

    /// How many messages wait in a queue.
    package func count(in queue: String) async throws -> Int { try await withSession { try $0.count(in: queue) } }

    private func withSession<Value: Sendable>(_ body: @escaping @Sendable (ReaderSession) throws -> Value) async throws -> Value {
        let port = port
        return try await onOwnThread("rabbitmq-reader") { Result { try body(ReaderSession(port: port)) } }.get()
    }
}

/// A connection as the user who may do everything.
private final class ReaderSession {
    private let state: amqp_connection_state_t

    init(port: Int) throws {
        guard let state = amqp_new_connection(), let socket = amqp_tcp_socket_new(state) else { throw RabbitMQServer.Refusal(reason: "no memory") }
        self.state = state
        guard amqp_socket_open(socket, "127.0.0.1", Int32(port)) == AMQP_STATUS_OK.rawValue else {
            throw RabbitMQServer.Refusal(reason: "no connection")
        }
        try check(amqp_login_plain(state, "/", 0, "reader", "annals", "secret"))
        amqp_channel_open(state, 1)
        try check(amqp_get_rpc_reply(state))
    }

    deinit { amqp_destroy_connection(state) }

    func declare(exchange: String) throws {
        try exchange.withCString { name in
            amqp_exchange_declare(state, 1, amqp_cstring_bytes(name), amqp_cstring_bytes("topic"), 0, 1, 0, 0, amqp_table_t())
            try check(amqp_get_rpc_reply(state))
        }
    }

    func declare(queue: String, boundTo exchange: String, key: String) throws {
        try queue.withCString { queue in
            amqp_queue_declare(state, 1, amqp_cstring_bytes(queue), 0, 1, 0, 0, amqp_table_t())
            try check(amqp_get_rpc_reply(state))
            try exchange.withCString { exchange in
                try key.withCString { key in
                    amqp_queue_bind(
                        state, 1, amqp_cstring_bytes(queue), amqp_cstring_bytes(exchange), amqp_cstring_bytes(key), amqp_table_t())
                    try check(amqp_get_rpc_reply(state))
                }
            }
        }
    }

    func count(in queue: String) throws -> Int {
        try queue.withCString { queue in
            let answer = amqp_queue_declare(state, 1, amqp_cstring_bytes(queue), 1, 1, 0, 0, amqp_table_t())
            try check(amqp_get_rpc_reply(state))
            return answer.map { Int($0.pointee.message_count) } ?? 0
        }
    }

    func next(in queue: String) throws -> ReadMessage? {
        amqp_maybe_release_buffers(state)
        let reply = queue.withCString { amqp_basic_get(state, 1, amqp_cstring_bytes($0), 1) }
        try check(reply)
        guard reply.reply.id == AMQP_BASIC_GET_OK_METHOD else { return nil }
        let key = text(reply.reply.decoded.load(as: amqp_basic_get_ok_t.self).routing_key)
        var message = amqp_message_t()
        try check(amqp_read_message(state, 1, &message, 0))
        defer { amqp_destroy_message(&message) }
        let properties = message.properties
        return ReadMessage(
            id: text(properties.message_id), routingKey: key, type: text(properties.type), contentType: text(properties.content_type),
            isPersistent: properties.delivery_mode == AMQP_DELIVERY_PERSISTENT.rawValue, body: text(message.body))
    }

    private func text(_ bytes: amqp_bytes_t) -> String {
        String(decoding: UnsafeRawBufferPointer(start: bytes.bytes, count: bytes.len), as: UTF8.self)
    }

    private func check(_ reply: amqp_rpc_reply_t) throws {
        guard reply.reply_type == AMQP_RESPONSE_NORMAL else {
            throw RabbitMQServer.Refusal(reason: "type \(reply.reply_type.rawValue), method \(reply.reply.id), library \(reply.library_error)")
        }
    }
}
