import EventSourcing
import FoundationEssentials

/// One append request in the form in which it goes to the database: sealed, hashed, written out.
struct SealedRequest: Sendable {
    struct Event: Sendable {
        let id: UUID
        let type: String
        let schemaVersion: Int
        /// JSON text, personal fields sealed.
        let data: String
    }

    struct Append: Sendable {
        let stream: String
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

    /// About how many bytes it adds to a batch.
    var byteCount: Int {
        appends.reduce(256) { $0 + $1.events.reduce(0) { $0 + $1.data.utf8.count + metadata.utf8.count + 128 } }
    }
}
