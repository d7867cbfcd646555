package import FoundationEssentials
package import JSON

/// One event of the log, as a reader gets it: sealed parts opened, or null where they are forgotten; a store may be made to give them as they are
/// stored instead.
package struct RecordedEvent: Sendable, Hashable {
    /// The place in the whole log: 1, 2, 3, … in commit order, without a gap.
    package let position: Int64
    package let stream: StreamName
    /// The place in the stream: 1, 2, 3, …
    package let version: Int
    package let id: UUID
    /// The stored name of its type, such as `PostPublished`.
    package let type: String
    /// The version of its type's JSON, from 1.
    package let schemaVersion: Int
    package let data: JSONObject
    package let metadata: EventMetadata
    /// When the log took it; never before the previous event's.
    package let recordedAt: Timestamp
    /// The names of sealed fields that the store could not open, because the vault lacks the person's key. They are null, and nobody knows whether
    /// they are forgotten.
    package let unopened: Set<String>

    package init(
        position: Int64, stream: StreamName, version: Int, id: UUID, type: String, schemaVersion: Int, data: JSONObject, metadata: EventMetadata,
        recordedAt: Timestamp, unopened: Set<String> = []
    ) {
        self.position = position
        self.stream = stream
        self.version = version
        self.id = id
        self.type = type
        self.schemaVersion = schemaVersion
        self.data = data
        self.metadata = metadata
        self.recordedAt = recordedAt
        self.unopened = unopened
    }
}
