/// A report of a `Listener`.
package enum ListenEvent: Sendable, Equatable {
    /// The channels are listened to, for the first time or again: notifications may have been missed, so look at what they are about.
    case connected
    /// Someone called `pg_notify(channel, payload)`.
    case notification(channel: String, payload: String)
}
