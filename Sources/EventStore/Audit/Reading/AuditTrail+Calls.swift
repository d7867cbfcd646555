package import EventSourcing
package import FoundationEssentials
import Postgres

extension AuditTrail {
    /// Positions that one look goes through.
    private static let stride: Int64 = 500_000

    /// The events of one call in order, as they are stored: those with this correlation, or all of the call that this command was part of. Empty when
    /// the log knows neither.
    ///
    /// Neither is in an index, so it goes through the log: about a second for a million events.
    package func call(correlation: String, orCommand command: UUID?) async throws -> [RecordedEvent] {
        let found = try await events(TrailFilter(correlation: correlation))
        guard found.isEmpty, let command, let (position, correlation) = try await place(of: command) else { return found }
        if let correlation { return try await events(TrailFilter(correlation: correlation)) }
        // A command without a call stands alone: its events were appended together.
        return try await events(TrailFilter(after: position - 1, until: position + 10_000)).prefix { $0.metadata.command == command }
            .map(\.self)
    }

    private func events(_ filter: TrailFilter) async throws -> [RecordedEvent] {
        var all: [RecordedEvent] = []
        try await pages(of: try await part(filter)) { all += try $0.events() }
        return all
    }

    /// A command's first position, and the correlation of its call.
    private func place(of command: UUID) async throws -> (Int64, String?)? {
        let head = try await part(TrailFilter()).head
        for after in Swift.stride(from: Int64(0), to: head, by: Int(Self.stride)) {
            let values: [SQLValue] = [.int8(after), .int8(after + Self.stride), .text(command.lowercased)]
            if let row = try await query(.trailCommand, values).first { return (try row.get(0), try row.get(1, as: String?.self)) }
        }
        return nil
    }
}

extension Statement {
    fileprivate static let trailCommand = Statement(
        "trail_command",
        """
        SELECT position, metadata ->> 'correlation'
        FROM log.events
        WHERE position > $1 AND position <= $2 AND metadata ->> 'command' = $3
        ORDER BY position
        LIMIT 1
        """)
}
