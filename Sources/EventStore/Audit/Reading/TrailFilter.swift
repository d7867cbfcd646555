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
