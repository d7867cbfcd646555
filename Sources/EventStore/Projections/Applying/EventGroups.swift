import EventSourcing
import FoundationEssentials
import Postgres

/// The order in which the events of a batch are applied: in groups of one type each, so that a set form can take a whole group. Pure.
///
/// Order is kept within one id: within a stream, and to those that share its id, as a post and its views do. Events of different ids
/// change different rows, or only add to counters, so they may pass each other. Each event goes into the first group of its type behind every group
/// that its id has been in; groups are applied one after the other. For a read model that crosses streams nothing passes anything, and a group ends
/// where the type changes.
struct EventGroups {
    struct Group {
        let type: String
        /// In the order of the log.
        fileprivate(set) var events: [RecordedEvent]
    }

    private(set) var groups: [Group] = []
    private let isSerial: Bool
    private let takesRepeats: (String) -> Bool
    /// The last group that an id has been in.
    private var lastOfID: [UUID: Int] = [:]
    private var groupsOfType: [String: [Int]] = [:]

    /// - Parameter takesRepeats: whether a group of this type may hold several events of one id.
    init(isSerial: Bool, takesRepeats: @escaping (String) -> Bool) {
        self.isSerial = isSerial
        self.takesRepeats = takesRepeats
    }

    /// Adds the next event of the log.
    mutating func add(_ event: RecordedEvent) {
        let index = group(for: event)
        lastOfID[event.stream.id] = index
        if index < groups.count {
            groups[index].events.append(event)
        } else {
            groups.append(Group(type: event.type, events: [event]))
            groupsOfType[event.type, default: []].append(index)
        }
    }

    /// The group to put an event into; one past the last for a new one.
    private func group(for event: RecordedEvent) -> Int {
        var earliest = 0
        if let last = lastOfID[event.stream.id] {
            if groups[last].type == event.type, takesRepeats(event.type), !isSerial || last == groups.count - 1 { return last }
            earliest = last + 1
        }
        if isSerial { earliest = max(earliest, groups.count - 1) }
        guard let ofType = groupsOfType[event.type], let last = ofType.last, last >= earliest else { return groups.count }
        return ofType[ofType.partitioningIndex { $0 >= earliest }]
    }
}

extension [Int] {
    /// The first index from which on the predicate holds, in an array where it never stops holding.
    fileprivate func partitioningIndex(where predicate: (Int) -> Bool) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if predicate(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}

/// One event that its read model could not take. Says where and which rule, never what the row held.
struct EventFailure: Error, Equatable, CustomStringConvertible {
    let position: Int64
    let stream: StreamName
    let type: String
    /// Nil when the event's data could not be bound.
    let sqlState: SQLState?
    let constraint: String?
    /// Why a field could not be opened, where that is the failure.
    let unopened: UnopenedReason?

    init(_ event: RecordedEvent, _ error: PostgresError?) {
        position = event.position
        stream = event.stream
        type = event.type
        sqlState = error?.sqlState
        constraint = error?.constraint
        unopened = error == nil ? event.unopened?.reason : nil
    }

    /// `6, a PostViewed of views-…: 23514 few_views`
    var description: String { "\(position), a \(type) of \(stream): \(reason)" }

    /// `23514 few_views`
    var reason: String {
        if let sqlState { return [sqlState.rawValue, constraint].compactMap(\.self).joined(separator: " ") }
        return switch unopened {
        case .keyMissing: "the vault has no key for its personal data"
        case .keyDamaged: "the key for its personal data in the vault is damaged"
        case .sealDamaged: "its sealed personal data is damaged"
        case nil: "its data can't be read"
        }
    }

    /// The constraint that was violated, or why something sealed did not open.
    var cause: String? { constraint ?? unopened?.rawValue }
}

extension PostgresError {
    /// Whether the event is at fault rather than the database: bad data (class 22) or a violated constraint (class 23).
    var isFaultOfEvent: Bool { sqlState.map { ["22", "23"].contains($0.classCode) } ?? false }
}
