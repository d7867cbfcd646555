import EventSourcing
import FoundationEssentials

/// One append request in the form in which it goes to the database: sealed, hashed, written out. A class, because it is handed on many times and
/// never changes.
final class SealedRequest: Sendable {
    struct Event: Sendable {
        let id: UUID
        let type: String
        let schemaVersion: Int
        /// JSON text, personal fields sealed.
        let data: String
        /// The names of the fields, with a space between two.
        let fields: String
    }

    struct Append: Sendable {
        let stream: StreamName
        /// The stream's name written out.
        let name: String
        let expected: ExpectedVersion
        let events: [Event]
    }

    struct Claim: Sendable {
        enum Change: Int16, Sendable {
            case take = 1
            case release = 2
            case require = 3
        }

        let change: Change
        let kind: String
        /// The keyed hash of the value, where one is taken.
        let hash: [UInt8]?
        let stream: String
    }

    let command: CommandReceipt.Key
    let appends: [Append]
    let claims: [Claim]
    /// JSON text, the same for all its events.
    let metadata: String
    let eventCount: Int
    /// About how many bytes it adds to a batch.
    let byteCount: Int
    /// Hashes of everything that no other request of its batch may touch or require: its command, streams, values and claims, as hashes. Two that
    /// share a hash by chance merely go in two batches.
    let touches: [UInt64]
    /// The claims it requires, as hashes.
    let requires: [UInt64]
    /// Whether it takes a value for a stream that may hold another of the kind.
    let takesForKnownStream: Bool

    init(command: CommandReceipt.Key, appends: [Append], claims: [Claim], metadata: String) {
        self.command = command
        self.appends = appends
        self.claims = claims
        self.metadata = metadata
        eventCount = appends.reduce(0) { $0 + $1.events.count }
        byteCount = appends.reduce(256 + metadata.utf8.count) { $0 + $1.events.reduce(64) { $0 + $1.data.utf8.count + 64 } }
        var touches = [Touch.command(command.id).hash]
        var requires: [UInt64] = []
        for append in appends { touches.append(Touch.stream(append.stream.id).hash) }
        for claim in claims {
            let held = Touch.claim(kind: claim.kind, holder: claim.stream).hash
            switch claim.change {
            case .take:
                touches.append(held)
                if let hash = claim.hash { touches.append(Touch.value(hash).hash) }
            case .release: touches.append(held)
            case .require: requires.append(held)
            }
        }
        self.touches = touches
        self.requires = requires
        takesForKnownStream = appends.first?.expected != ExpectedVersion.none && claims.contains { $0.change == .take }
    }

    /// The version of its first stream after the append; nil if it accepts any version.
    var versionAfter: Int? {
        guard let first = appends.first else { return nil }
        switch first.expected {
        case .none: return first.events.count
        case .exactly(let version): return version &+ first.events.count
        case .any: return nil
        }
    }

    private enum Touch: Hashable {
        case command(UUID)
        case stream(UUID)
        /// The keyed hash covers the kind.
        case value([UInt8])
        case claim(kind: String, holder: String)

        var hash: UInt64 { UInt64(truncatingIfNeeded: hashValue) }
    }
}
