package import FoundationEssentials
package import JSON

/// The version that a caller expects a stream to have before appending to it.
package enum ExpectedVersion: Sendable, Hashable {
    /// The stream does not exist yet.
    case none
    /// The stream's last event has this version.
    case exactly(Int)
    /// Any version will do.
    case any

    /// Whether a stream at this version (0: there is none) is what the caller expects.
    package func allows(_ version: Int) -> Bool {
        switch self {
        case .none: version == 0
        case .exactly(let expected): version == expected
        case .any: true
        }
    }
}

/// One event to append.
package struct NewEvent: Sendable, Hashable {
    package let type: String
    package let schemaVersion: Int
    /// All fields, in the clear: the log seals the personal ones on their way in.
    package let data: JSONObject

    package init(type: String, schemaVersion: Int, data: JSONObject) {
        self.type = type
        self.schemaVersion = schemaVersion
        self.data = data
    }
}

/// Events for one stream, to be appended together.
package struct StreamAppend: Sendable {
    package let stream: StreamName
    package let expected: ExpectedVersion
    package let events: [NewEvent]
    /// The person whose key seals the personal fields; nil where the events have none.
    package let subject: UUID?

    package init(_ events: [NewEvent], to stream: StreamName, expecting expected: ExpectedVersion, sealedFor subject: UUID?) {
        self.stream = stream
        self.expected = expected
        self.events = events
        self.subject = subject
    }
}

/// One atomic request to the log: all of it is appended, or none.
package struct AppendRequest: Sendable {
    /// Makes a repeat harmless: the log takes each command once.
    package let command: CommandReceipt.Key
    /// Usually one. The first is the one a receipt names.
    package let appends: [StreamAppend]
    package let claims: [ClaimChange]
    package let metadata: EventMetadata

    package init(_ appends: [StreamAppend], claims: [ClaimChange], command: CommandReceipt.Key, metadata: EventMetadata) {
        self.command = command
        self.appends = appends
        self.claims = claims
        self.metadata = metadata
    }
}

extension AppendRequest {
    /// Throws `EventStoreError.broken` for what has no one meaning: no stream, a stream named twice, a version below zero, a claim that changes
    /// twice.
    package func validate() throws(EventStoreError) {
        if appends.isEmpty { throw .broken(reason: "a request names no stream") }
        if appends.count > 1, Set(appends.map(\.stream)).count < appends.count { throw .broken(reason: "a request names a stream twice") }
        for append in appends {
            if case .exactly(let version) = append.expected, version < 0 { throw .broken(reason: "a request expects version \(version)") }
        }
        let changed = claims.compactMap(\.changedKind)
        if Set(changed).count < changed.count { throw .broken(reason: "a request changes a claim twice") }
    }
}

extension ClaimChange {
    /// The kind of which the request's first stream gets or gives up a value.
    fileprivate var changedKind: ClaimKind? {
        switch self {
        case .take(let kind, _), .release(let kind): kind
        case .require: nil
        }
    }
}

/// The outcome of one request. A refusal of one request never touches another.
package enum AppendOutcome: Sendable, Hashable {
    /// Appended and durable.
    case appended(CommandReceipt)
    /// The command was appended before; this is what it got then, and nothing was added. The caller compares digests.
    case alreadyAppended(CommandReceipt)
    /// A stream is at another version than expected.
    case conflict(stream: StreamName, actual: Int)
    /// Another stream holds the value.
    case claimTaken(ClaimKind)
    /// A required claim is not held.
    case claimMissing(ClaimKind, holder: StreamName)
}

/// A kind of unique value: an email, a username, a slug; and `active`, which an open account holds.
package struct ClaimKind: RawRepresentable, Sendable, Hashable {
    package let rawValue: String

    package init(rawValue: String) { self.rawValue = rawValue }
}

/// A change to the unique claims, decided in the same transaction as the events it comes with.
package enum ClaimChange: Sendable, Hashable {
    /// The first stream of the request takes the value, giving up another of this kind that it may hold. Refused when a different stream has it.
    case take(ClaimKind, value: String)
    /// The first stream of the request gives up its value of this kind; no error when it has none.
    case release(ClaimKind)
    /// The named stream must hold a claim of this kind before the request: a rule that spans streams. A claim that the same request releases still
    /// counts, so a user can close their own open account.
    case require(ClaimKind, holder: StreamName)
}

/// The log's record of a command that succeeded: enough to answer its repeat, and no body.
package struct CommandReceipt: Sendable, Hashable {
    /// Two requests with the same key are the same command.
    package struct Key: Sendable, Hashable {
        /// From the caller and its idempotency key, or random where there is none.
        package let id: UUID
        /// From everything the request says: a repeat has the same, a reused key another. Empty where nobody can name the command.
        package let digest: [UInt8]

        package init(id: UUID, digest: [UInt8]) {
            self.id = id
            self.digest = digest
        }

        /// A command that no caller will repeat by name; only a lost connection may. The log keeps no receipt of it where its events tell of it.
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
