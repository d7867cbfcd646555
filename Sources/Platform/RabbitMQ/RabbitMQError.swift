/// The reason why messages are not known to have arrived. Some of them may have.
package enum RabbitMQError: Error, Hashable, Sendable {
    /// The broker refuses, in its own words: `ACCESS_REFUSED - …` with the code 403.
    case refused(code: Int, text: String)
    /// There is no connection, or it was lost.
    case unavailable(String)
    /// The broker could not store a message, or a queue that refuses messages when it is full has refused it.
    case notStored
    /// The broker did not confirm in time, as while it has too little memory or disk.
    case unconfirmed
}

extension RabbitMQError {
    /// The largest body in bytes that the broker takes, when it has refused one that is larger.
    package var largestBody: Int? {
        guard case .refused(406, let text) = self, text.contains("message size"), text.contains("max size") else { return nil }
        return text.split { !"0123456789".contains($0) }.last.flatMap { Int($0) }
    }
}

extension RabbitMQError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .refused(let code, let text): "RabbitMQ refuses: \(code) \(text)"
        case .unavailable(let reason): reason
        case .notStored: "RabbitMQ could not store a message"
        case .unconfirmed: "RabbitMQ did not confirm in time"
        }
    }
}
