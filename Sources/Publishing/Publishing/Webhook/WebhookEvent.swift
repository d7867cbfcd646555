package import EventSourcing
import JSON

/// An event in the life of a webhook.
package enum WebhookEvent: Sendable, Hashable {
    case created(url: Personal<String>, types: [String], keys: WebhookKeys)
    case secretRotated(keys: WebhookKeys, earlierUntil: Timestamp)
    /// Delivered to the webhook itself and to nobody else.
    case tested
    case replayRequested(after: Int64)
    case ended
    case deleted
}

extension WebhookRules {
    package static let schemas = [
        EventSchema(
            "WebhookCreated", in: category, [.personal("url"), .open("types", .text), .open("keys", .text), .open("publicKey", .text)]),
        EventSchema(
            "WebhookSecretRotated", in: category, [.open("keys", .text), .open("publicKey", .text), .open("earlierUntil", .timestamp)]),
        EventSchema("WebhookTested", in: category, []),
        EventSchema("WebhookReplayRequested", in: category, [.open("after", .integer)]),
        EventSchema("WebhookEnded", in: category, []),
        EventSchema("WebhookDeleted", in: category, []),
    ]

    package static func encode(_ event: WebhookEvent) -> NewEvent {
        switch event {
        case .created(let url, let types, let keys):
            NewEvent(
                type: "WebhookCreated", schemaVersion: 1,
                data: [
                    "url": url.json, "types": .string(types.joined(separator: " ")), "keys": .string(keys.sealed),
                    "publicKey": .string(keys.publicKey),
                ])
        case .secretRotated(let keys, let until):
            NewEvent(
                type: "WebhookSecretRotated", schemaVersion: 1,
                data: ["keys": .string(keys.sealed), "publicKey": .string(keys.publicKey), "earlierUntil": .string(until.description)])
        case .tested: NewEvent(type: "WebhookTested", schemaVersion: 1, data: [:])
        case .replayRequested(let position):
            NewEvent(type: "WebhookReplayRequested", schemaVersion: 1, data: ["after": .integer(position)])
        case .ended: NewEvent(type: "WebhookEnded", schemaVersion: 1, data: [:])
        case .deleted: NewEvent(type: "WebhookDeleted", schemaVersion: 1, data: [:])
        }
    }

    package static func decode(_ event: RecordedEvent) throws(EventDecodingError) -> WebhookEvent {
        let fields = try EventFields(event, in: schemas)
        switch event.type {
        case "WebhookCreated":
            return .created(
                url: try fields.personal("url"), types: try fields.text("types").split(separator: " ").map(String.init),
                keys: try fields.webhookKeys())
        case "WebhookSecretRotated":
            guard let until = try fields.timestampIfPresent("earlierUntil") else {
                throw EventDecodingError(event, reason: "earlierUntil is missing")
            }
            return .secretRotated(keys: try fields.webhookKeys(), earlierUntil: until)
        case "WebhookTested": return .tested
        case "WebhookReplayRequested": return .replayRequested(after: try fields.integer("after"))
        case "WebhookEnded": return .ended
        case "WebhookDeleted": return .deleted
        default: throw EventDecodingError(event, reason: "not in the category \(category)")
        }
    }
}

extension EventFields {
    fileprivate func webhookKeys() throws(EventDecodingError) -> WebhookKeys {
        WebhookKeys(sealed: try text("keys"), publicKey: try text("publicKey"))
    }
}
