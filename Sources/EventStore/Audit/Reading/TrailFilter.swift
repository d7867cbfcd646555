package import EventSourcing
package import FoundationEssentials

/// The events of the log that an auditor wants. A condition that is nil wants all.
package struct TrailFilter: Sendable, Hashable {
    /// Only events after this position.
    package var after: Int64
    /// Only events up to this position, itself included.
    package var until: Int64
    /// Only events that the log took at this moment or later.
    package var from: Timestamp?
    /// Only events that the log took by this moment; those of this very millisecond are in.
    package var to: Timestamp?
    package var stream: StreamName?
    /// Only events of these types. A category is its types, which the catalog knows.
    package var types: [String]?
    /// Only events that this user caused.
    package var actor: UUID?
    /// Only events of the call with this request id.
    package var correlation: String?

    package init(
        after: Int64 = 0, until: Int64 = .max, from: Timestamp? = nil, to: Timestamp? = nil, stream: StreamName? = nil, types: [String]? = nil,
        actor: UUID? = nil, correlation: String? = nil
    ) {
        self.after = after
        self.until = until
        self.from = from
        self.to = to
        self.stream = stream
        self.types = types
        self.actor = actor
        self.correlation = correlation
    }

    /// Whether it wants every event between its positions, so that a missing one is noticed.
    var isGapless: Bool { stream == nil && types == nil && actor == nil && correlation == nil }
}

/// A filter with its ends settled: moments are positions by now, and nothing that is appended later gets in.
package struct TrailPart: Sendable, Hashable {
    package let filter: TrailFilter
    /// Events after this position, …
    package let after: Int64
    /// … up to this one; not below `after`.
    package let until: Int64
    /// The log's last position when the ends were settled.
    package let head: Int64
}

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
