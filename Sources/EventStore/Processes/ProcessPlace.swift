import EventSourcing
import FoundationEssentials

/// A place in the list of all instances, those of the newest progress first: right behind one of them.
package struct ProcessPlace: Sendable, Hashable, CustomStringConvertible {
    let progressAt: Timestamp
    let id: UUID

    package init(after row: ProcessRow) { (progressAt, id) = (row.progressAt, row.id) }

    /// Reads what `description` writes.
    package init?(_ text: String) {
        let parts = text.split(separator: "/")
        guard parts.count == 2, let time = Timestamp(parts[0]), let id = UUID(lowercase: parts[1]) else { return nil }
        (progressAt, self.id) = (time, id)
    }

    /// Time and id of that instance, as `2026-03-01T10:00:00.000Z/0198a3c4-…`.
    package var description: String { "\(progressAt)/\(id.lowercased)" }
}
