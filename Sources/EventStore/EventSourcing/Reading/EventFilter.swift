/// Which events of the log a reader wants.
///
/// Filtered reads are for tools, exports and process managers. Projectors read the log unfiltered: only then can they check that no position is missing.
package struct EventFilter: Sendable, Hashable {
    /// Only events in streams of this category; nil for any.
    package let category: String?
    /// Only events of these types; nil for any. A type that nobody knows lets nothing through.
    package let types: Set<String>?

    package init(category: String? = nil, types: Set<String>? = nil) {
        self.category = category
        self.types = types
    }

    /// Lets all events through.
    package static let everything = EventFilter()

    /// Whether this event is wanted.
    package func matches(_ event: RecordedEvent) -> Bool {
        (category.map { $0 == event.stream.category } ?? true) && (types?.contains(event.type) ?? true)
    }
}

extension EventCatalog {
    /// The types that this filter lets through, in alphabetical order; nil when it lets all through. A category's types are those whose schema names it, so a
    /// log that keeps events by type can find those of a category, too.
    package func types(of filter: EventFilter) -> [String]? {
        guard let category = filter.category else { return filter.types?.sorted() }
        let members = schemas.values.filter { $0.category == category }.map(\.type)
        return (filter.types.map { types in members.filter(types.contains) } ?? members).sorted()
    }
}
