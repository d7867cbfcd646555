package import EventSourcing

/// Opens events that were read in their stored form: personal fields are readable, or null where their key is destroyed.
package typealias EventOpening = @Sendable ([RecordedEvent]) async throws -> [RecordedEvent]

/// The audit trail with personal data opened.
package struct OpenedTrail: Sendable {
    /// One answer looks at 65,536 rows at most, so that a rare event, or one that never comes, can't hold a connection for long.
    private static let mostLooks = 16

    private let trail: AuditTrail
    private let opening: EventOpening

    package init(_ trail: AuditTrail, opening: @escaping EventOpening) {
        self.trail = trail
        self.opening = opening
    }

    /// The first events that the filter wants, `limit` at most and about 2 MiB of them.
    package func page(_ filter: TrailFilter, limit: Int) async throws -> Page {
        let part = try await trail.part(filter)
        var limits = AuditTrail.Limits()
        limits.events = limit
        var page = try await trail.page(of: part, after: part.after, limits: limits)
        for _ in 1..<Self.mostLooks {
            guard page.count == 0, let next = page.next else { break }
            page = try await trail.page(of: part, after: next, limits: limits)
        }
        return Page(events: try await opening(try page.events()), next: page.next, head: part.head)
    }

    /// Some events, opened.
    package struct Page: Sendable {
        package let events: [RecordedEvent]
        /// The position after which there may be more; nil at the end. It may be set when there are few events, or none: nothing was found so far.
        package let next: Int64?
        /// The log's last position.
        package let head: Int64
    }
}
