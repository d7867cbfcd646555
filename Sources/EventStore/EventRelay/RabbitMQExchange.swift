package import RabbitMQ

/// RabbitMQ as a sink: one topic exchange, to which each event goes with the routing key `<category>.<type>` and its own id as the message's. The
/// body is the CloudEvent. An exchange keeps nothing, so it can't tell where it ends.
package struct RabbitMQExchange: EventSink {
    package static let contentType = "application/cloudevents+json"

    package let name = "rabbitmq"
    /// A page of the log: each batch ends with a wait for what is not confirmed yet.
    package let batchSize = 500
    private let publisher: RabbitMQPublisher

    package init(_ publisher: RabbitMQPublisher) { self.publisher = publisher }

    package func end() -> SinkEnd { .untold }

    package func take(_ events: [OutgoingEvent], after last: OutgoingEvent.Place?) async throws {
        let messages = events.map { event in
            RabbitMQMessage(
                id: event.id, routingKey: "\(event.place.category).\(event.type)", type: "annals.\(event.type)", contentType: Self.contentType,
                body: event.json)
        }
        do {
            try await publisher.publish(messages)
        } catch let error as RabbitMQError {
            if let bytes = error.largestBody { throw SinkLimit(bytes: bytes) }
            throw error
        }
    }

    /// Keeps the connection alive while nothing happens, until cancelled.
    package func run() async throws { try await publisher.run() }
}
