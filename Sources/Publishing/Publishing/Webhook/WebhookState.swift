package import EventSourcing

/// A webhook at one moment.
package enum WebhookState: Sendable, Hashable {
    case nonexistent
    case active(Webhook)
    /// Its receiver has answered that it is gone for good (410): nothing is delivered any more.
    case ended(Webhook)
    case deleted

    /// The webhook while it exists.
    package var webhook: Webhook? {
        switch self {
        case .active(let webhook), .ended(let webhook): webhook
        case .nonexistent, .deleted: nil
        }
    }
}

/// A subscription of a receiver elsewhere to some types of events.
package struct Webhook: Sendable, Hashable {
    package var url: Personal<String>
    /// The types of events that are delivered.
    package var types: [String]
    package var keys: WebhookKeys
    /// The keys that sign as well while receivers learn the present ones, oldest first.
    package var earlierKeys: [EarlierKeys] = []

    /// Keys that were replaced, and the moment from which they don't sign any more.
    package struct EarlierKeys: Sendable, Hashable {
        package let keys: WebhookKeys
        package let until: Timestamp

        package init(keys: WebhookKeys, until: Timestamp) {
            self.keys = keys
            self.until = until
        }
    }
}

/// The secret and key that a webhook's deliveries are signed with.
package struct WebhookKeys: Sendable, Hashable {
    /// The secret and the private key, sealed for the webhook.
    package let sealed: String
    /// `whpk_…`, which checks `v1a` signatures.
    package let publicKey: String

    package init(sealed: String, publicKey: String) {
        self.sealed = sealed
        self.publicKey = publicKey
    }
}

extension WebhookRules {
    package static var initialState: WebhookState { .nonexistent }

    package static func evolve(_ state: inout WebhookState, with event: WebhookEvent) {
        switch event {
        case .created(let url, let types, let keys): state = .active(Webhook(url: url, types: types, keys: keys))
        case .secretRotated(let keys, let until):
            state.change {
                $0.earlierKeys.append(.init(keys: $0.keys, until: until))
                $0.keys = keys
            }
        case .tested, .replayRequested: break
        case .ended: if let webhook = state.webhook { state = .ended(webhook) }
        case .deleted: state = .deleted
        }
    }
}

extension WebhookState {
    fileprivate mutating func change(_ change: (inout Webhook) -> Void) {
        guard case .active(var webhook) = self else { return }
        change(&webhook)
        self = .active(webhook)
    }
}
