package import EventSourcing
package import FoundationEssentials

/// The rules of a webhook. Admins manage webhooks; the caller has checked that.
package enum WebhookRules: StreamRules {
    package typealias Command = WebhookCommand
    package typealias Event = WebhookEvent
    package typealias State = WebhookState
    package typealias Refusal = WebhookRefusal

    package static let category = "webhook"

    package static func decide(_ command: WebhookCommand, in state: WebhookState) throws(WebhookRefusal) -> [WebhookEvent] {
        switch (command, state) {
        case (.create(let url, let types, let keys), .nonexistent): return [.created(url: url.stored, types: types, keys: keys)]
        case (.create, .active), (.create, .ended), (.create, .deleted): throw .alreadyCreated
        case (.rotateSecret(let keys, let until), .active): return [.secretRotated(keys: keys, earlierUntil: until)]
        case (.test, .active): return [.tested]
        case (.replay(let position), .active): return [.replayRequested(after: position)]
        case (.end, .active): return [.ended]
        case (.end, .ended), (.end, .deleted): return []
        case (.rotateSecret, .ended), (.test, .ended), (.replay, .ended): throw .ended
        case (.delete, .active), (.delete, .ended): return [.deleted]
        case (.rotateSecret, .nonexistent), (.test, .nonexistent), (.replay, .nonexistent), (.end, .nonexistent), (.delete, .nonexistent),
            (.rotateSecret, .deleted), (.test, .deleted), (.replay, .deleted), (.delete, .deleted):
            throw .notFound
        }
    }

    /// The webhook itself: its URL may hold a secret, so it is sealed with a key of its own.
    package static func subject(of events: [WebhookEvent], in state: WebhookState, on stream: StreamName) -> UUID? { stream.id }

    /// The types that a webhook can subscribe to: all but those of webhooks themselves, in alphabetical order.
    package static func subscribableTypes(of catalog: EventCatalog) -> [String] {
        catalog.schemas.values.filter { $0.category != category }.map(\.type).sorted()
    }
}

package enum WebhookCommand: Sendable, Hashable {
    case create(url: WebhookURL, types: [String], keys: WebhookKeys)
    /// Signs with new keys, and with the present ones as well until a moment.
    case rotateSecret(keys: WebhookKeys, earlierUntil: Timestamp)
    /// Delivers an event that says only that this is a test.
    case test
    /// Delivers every event after this position again.
    case replay(after: Int64)
    /// The receiver said that it is gone. Repeating it changes nothing.
    case end
    case delete
}

/// Why the rules refuse a command on a webhook.
package enum WebhookRefusal: Error, Hashable {
    case notFound
    case alreadyCreated
    /// It was ended by its receiver; only deleting it is left.
    case ended
}
