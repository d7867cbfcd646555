import EventRelay
import HTTPContract
import RabbitMQ

/// The rules for events that the relay sends out of the system.
struct RelaySettings: Sendable {
    /// Whether personal fields and texts leave opened.
    var isOpen = false
    /// Blocks that are not public and that webhooks may be delivered to all the same.
    var webhookNetworks: [AddressBlock] = []
    /// Whether all events go to streams in Redis.
    var sendsToRedis = false
    /// The RabbitMQ that all events go to; nil for none.
    var rabbitMQ: RabbitMQTarget?
    /// The exchange there.
    var exchange = "annals.events"
    /// How many messages may be sent ahead of their confirmations.
    var window = 256
    /// Where a broker without events begins.
    var start = SinkStart.beginning
    /// The age at which events leave the streams in Redis.
    var keeps = Duration.seconds(7 * 86_400)
}
