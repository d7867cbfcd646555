import EventRelay
import RabbitMQ

/// The settings of what the relay sends out of the system.
extension Settings {
    mutating func readRelay(_ read: SettingReader) throws {
        try read(
            &relay.isOpen, "relayOpen", .flag, for: [.relay],
            "`true`: webhooks and brokers get personal fields and texts opened; else sealed. What has left opened can't be called back.")
        try read(
            &relay.sendsToRedis, "relayRedis", .flag, for: [.relay],
            "`true`: the relay adds all events to streams in the Redis of `ANNALS_REDIS_URL`.")
        try read(
            &relay.start, "relayStart", .word, for: [.relay],
            "Where a broker begins that has nothing: with the log's first event, or after its last one.")
        try read(
            &relay.keeps, "relayKeep", .duration(.seconds(60)...(.seconds(31_536_000))), for: [.relay],
            "The age at which events leave the streams.")
        if read.reads([.relay]), relay.sendsToRedis, redisURL == nil {
            throw Failure("ANNALS_RELAY_REDIS: set ANNALS_REDIS_URL, too", code: .wrongUse)
        }
        var url: String?
        try read.secret(
            &url, "rabbitmq.url", .rabbitMQURL, absent: "none", for: [.relay],
            "A RabbitMQ that the relay sends all events to, as `amqp://user:password@host:port/vhost`.")
        relay.rabbitMQ = try url.map { url in
            guard let target = RabbitMQTarget(url) else { throw Failure("ANNALS_RABBITMQ_URL takes an amqp URL, without TLS", code: .wrongUse) }
            return target
        }
        try read(
            &relay.exchange, "rabbitmq.exchange", .text("a name"), for: [.relay],
            "The topic exchange there, which is declared unless it is there.")
        try read(
            &relay.window, "rabbitmq.window", .number(1...10_000), for: [.relay], "How many messages are sent ahead of their confirmations.")
    }
}

extension SettingForm<String> {
    /// A URL is shown without user and password.
    fileprivate static var rabbitMQURL: Self { .secret("an AMQP URL") { url in RabbitMQTarget(url)?.description ?? "<redacted>" } }
}
