import EventLog
import EventSourcing
import FoundationEssentials
import Publishing

extension PostgresEventStore {
    /// The posts that a user began between two positions, deleted ones too.
    func posts(by author: UUID, in positions: ClosedRange<Int64>) async throws -> [UUID] {
        try await streams(with: PostRules.authorship.type, naming: author, in: PostRules.authorship.field, positions: positions).map(\.id)
    }
}
