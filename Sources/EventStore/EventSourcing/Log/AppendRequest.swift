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
