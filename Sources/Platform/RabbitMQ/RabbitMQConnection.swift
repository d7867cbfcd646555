import CRabbitMQ
import Glibc

/// One connection on which messages are published to an exchange, and confirmed. Its calls block.
final class RabbitMQConnection {
    private static let channel: amqp_channel_t = 1
    private static let heartbeatSeconds: Int32 = 30

    private let state: amqp_connection_state_t
    private let socket: InterruptibleSocket
    private let exchange: String
    private let patience: Duration
    private var lastTag: UInt64 = 0
    /// The numbers of the messages that are not confirmed yet, in their order.
    private var unconfirmed: [UInt64] = []

    /// Connects, logs in and declares the exchange, durable and of the type `topic`.
    /// - Parameters:
    ///   - socket: can interrupt the connection from another thread, also while it is made.
    ///   - patience: how long the broker may take for an answer.
    ///   - isAwaited: whether somebody still waits for the connection.
    init(
        to target: RabbitMQTarget, exchange: String, socket: InterruptibleSocket, patience: Duration, isAwaited: () -> Bool
    ) throws(RabbitMQError) {
        // It fails only when memory has run out, as Swift's own allocations end the process then.
        guard let state = amqp_new_connection() else { fatalError("no memory for a connection to RabbitMQ") }
        (self.state, self.socket, self.exchange, self.patience) = (state, socket, exchange, patience)
        guard let tcp = amqp_tcp_socket_new(state) else { fatalError("no memory for a socket to RabbitMQ") }
        var limit = timeval(patience)
        amqp_set_handshake_timeout(state, &limit)
        amqp_set_rpc_timeout(state, &limit)
        do throws(RabbitMQError) {
            amqp_tcp_socket_set_sockfd(tcp, try socket.connect(to: target.host, port: target.port, within: patience, isAwaited: isAwaited))
        } catch {
            throw .unavailable("no connection to \(target): \(error)")
        }
        try check(amqp_login_plain(state, target.virtualHost, Self.heartbeatSeconds, "annals relay", target.user, target.password))
        try openChannel()
        try declareExchange()
        amqp_confirm_select(state, Self.channel)
        try checkReply()
    }

    deinit {
        // Before its number can be another's.
        socket.closed()
        amqp_destroy_connection(state)
    }

    /// Publishes in order, and returns when all are confirmed. The connection is of no use after an error.
    /// - Parameter window: at most so many are unconfirmed at a time.
    func publish(_ messages: [RabbitMQMessage], window: Int) throws(RabbitMQError) {
        for message in messages {
            while unconfirmed.count >= window { try waitForConfirmation() }
            try send(message)
        }
        while !unconfirmed.isEmpty { try waitForConfirmation() }
    }

    /// Sends a heartbeat when it is time for one, and learns that the connection is lost.
    func keepAlive() throws(RabbitMQError) { while try takeFrame(within: .zero) {} }

    private func waitForConfirmation() throws(RabbitMQError) { guard try takeFrame(within: patience) else { throw .unconfirmed } }

    private func send(_ message: RabbitMQMessage) throws(RabbitMQError) {
        let words = [exchange, message.routingKey, message.contentType, message.id, message.type, message.body]
        let status = withAMQPBytes(words) { words in
            var properties = amqp_basic_properties_t()
            properties._flags = amqp_flags_t(
                AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_MESSAGE_ID_FLAG | AMQP_BASIC_TYPE_FLAG)
            properties.delivery_mode = UInt8(AMQP_DELIVERY_PERSISTENT.rawValue)
            (properties.content_type, properties.message_id, properties.type) = (words[2], words[3], words[4])
            return amqp_basic_publish(state, Self.channel, words[0], words[1], 0, 0, &properties, words[5])
        }
        guard status == AMQP_STATUS_OK.rawValue else { throw lost(status) }
        lastTag += 1
        unconfirmed.append(lastTag)
    }

    /// Takes what the broker sends next; false when that is nothing.
    private func takeFrame(within limit: Duration) throws(RabbitMQError) -> Bool {
        amqp_maybe_release_buffers(state)
        var frame = amqp_frame_t()
        var limit = timeval(limit)
        let status = amqp_simple_wait_frame_noblock(state, &frame, &limit)
        if status == AMQP_STATUS_TIMEOUT.rawValue { return false }
        guard status == AMQP_STATUS_OK.rawValue else { throw lost(status) }
        guard frame.frame_type == UInt8(AMQP_FRAME_METHOD) else { return true }
        let method = frame.payload.method
        switch method.id {
        case AMQP_BASIC_ACK_METHOD:
            let ack = method.decoded.load(as: amqp_basic_ack_t.self)
            if ack.multiple != 0 {
                unconfirmed.removeAll { $0 <= ack.delivery_tag }
            } else {
                unconfirmed.removeAll { $0 == ack.delivery_tag }
            }
        case AMQP_BASIC_NACK_METHOD: throw .notStored
        case AMQP_CHANNEL_CLOSE_METHOD, AMQP_CONNECTION_CLOSE_METHOD: throw Self.refusal(method)
        default: break
        }
        return true
    }

    private func openChannel() throws(RabbitMQError) {
        amqp_channel_open(state, Self.channel)
        try checkReply()
    }

    /// A user who may not declare the exchange can use one that somebody else has declared.
    private func declareExchange() throws(RabbitMQError) {
        do throws(RabbitMQError) {
            try declareExchange(passively: false)
        } catch .refused(403, let text) {
            var closed = amqp_channel_close_ok_t()
            let status = amqp_send_method(state, Self.channel, AMQP_CHANNEL_CLOSE_OK_METHOD, &closed)
            guard status == AMQP_STATUS_OK.rawValue else { throw lost(status) }
            try openChannel()
            do throws(RabbitMQError) {
                try declareExchange(passively: true)
            } catch .refused(404, _) {
                throw .refused(code: 403, text: text)
            }
        }
    }

    private func declareExchange(passively isPassive: Bool) throws(RabbitMQError) {
        _ = withAMQPBytes([exchange, "topic"]) { words in
            amqp_exchange_declare(state, Self.channel, words[0], words[1], isPassive ? 1 : 0, 1, 0, 0, amqp_table_t())
        }
        try checkReply()
    }

    private func checkReply() throws(RabbitMQError) { try check(amqp_get_rpc_reply(state)) }

    private func check(_ reply: amqp_rpc_reply_t) throws(RabbitMQError) {
        switch reply.reply_type {
        case AMQP_RESPONSE_NORMAL: return
        case AMQP_RESPONSE_SERVER_EXCEPTION: throw Self.refusal(reply.reply)
        default: throw lost(reply.library_error)
        }
    }

    private func lost(_ status: Int32) -> RabbitMQError { .unavailable("the connection to RabbitMQ is lost: \(Self.text(of: status))") }

    private static func text(of status: Int32) -> String { String(cString: amqp_error_string2(status)) }

    private static func refusal(_ method: amqp_method_t) -> RabbitMQError {
        if method.id == AMQP_CHANNEL_CLOSE_METHOD {
            let close = method.decoded.load(as: amqp_channel_close_t.self)
            return refused(close.reply_code, close.reply_text)
        }
        let close = method.decoded.load(as: amqp_connection_close_t.self)
        return refused(close.reply_code, close.reply_text)
    }

    private static func refused(_ code: UInt16, _ text: amqp_bytes_t) -> RabbitMQError {
        .refused(code: Int(code), text: String(decoding: UnsafeRawBufferPointer(start: text.bytes, count: text.len), as: UTF8.self))
    }
}

/// Texts as librabbitmq takes them, for the time of a call.
private func withAMQPBytes<R>(_ texts: [String], _ body: ([amqp_bytes_t]) -> R) -> R {
    var bytes: [UInt8] = []
    for text in texts { bytes += text.utf8 }
    return bytes.withUnsafeMutableBytes { bytes in
        var offset = 0
        return body(
            texts.map { text in
                defer { offset += text.utf8.count }
                // An empty array has no address.
                return amqp_bytes_t(len: text.utf8.count, bytes: bytes.baseAddress.map { $0 + offset })
            })
    }
}

extension timeval {
    fileprivate init(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        self.init(tv_sec: Int(seconds), tv_usec: Int(attoseconds / 1_000_000_000_000))
    }
}
