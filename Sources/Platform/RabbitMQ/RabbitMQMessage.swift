/// A message to be published. It is stored on disk by each queue that is durable.
package struct RabbitMQMessage: Sendable {
    /// By which a consumer knows a repeat.
    package let id: String
    /// By which queues choose, words with dots between them.
    package let routingKey: String
    package let type: String
    package let contentType: String
    package let body: String

    package init(id: String, routingKey: String, type: String, contentType: String, body: String) {
        self.id = id
        self.routingKey = routingKey
        self.type = type
        self.contentType = contentType
        self.body = body
    }
}
