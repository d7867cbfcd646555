package import EventSourcing

/// How a read model stands, as its checkpoint tells: visible to every process.
package struct ReadModelStatus: Sendable, Hashable {
    package let model: String
    /// The digest of the version that is applied, in hexadecimal.
    package let version: String
    /// The position of the last event that its tables hold.
    package let position: Int64
    /// Whether its folder has changed since: it is served and kept current as it was, until it is rebuilt.
    package let isStale: Bool
    /// The event that can not be applied, while that lasts.
    package let failingAt: Int64?
    /// When it last came further.
    package let updatedAt: Timestamp
}
