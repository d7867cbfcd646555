package import FoundationEssentials

/// The log's record of a command that succeeded: enough to answer its repeat, and no body.
package struct CommandReceipt: Sendable, Hashable {
    /// Two requests with the same key are the same command.
    package struct Key: Sendable, Hashable {
        /// From the caller and its idempotency key, or random where there is none.
        package let id: UUID
        /// From everything the request says: a repeat has the same, a reused key another.
        package let digest: [UInt8]

        package init(id: UUID, digest: [UInt8]) {
            self.id = id
            self.digest = digest
        }

        /// A command that no caller will repeat by name; only a lost connection may.
        package static func unrepeated() -> Key { Key(id: .v7(), digest: []) }
    }

    package let key: Key
    /// The stream it was about.
    package let stream: StreamName
    /// That stream's version after it.
    package let version: Int
    /// The position of the first event it appended; nil when it changed nothing.
    package let firstPosition: Int64?
    /// The position of its last event, or of the stream's last event when it changed nothing.
    package let lastPosition: Int64
    /// When the log took it.
    package let recordedAt: Timestamp

    package init(key: Key, stream: StreamName, version: Int, firstPosition: Int64?, lastPosition: Int64, recordedAt: Timestamp) {
        self.key = key
        self.stream = stream
        self.version = version
        self.firstPosition = firstPosition
        self.lastPosition = lastPosition
        self.recordedAt = recordedAt
    }
}
