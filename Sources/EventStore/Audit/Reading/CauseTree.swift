package import EventSourcing
package import FoundationEssentials

/// The causes and effects in one call: its commands, the events of each, and below an event the commands that it has led to.
package struct CauseTree: Sendable, Equatable {
    /// A command with the events that it has appended.
    package struct Command: Sendable, Equatable {
        package let id: UUID
        package let actor: UUID?
        package let traceparent: String?
        /// The event that led to it, where that is known and is not in the tree.
        package let cause: UUID?
        package let events: [Event]
    }

    /// An event with the commands that it has led to.
    package struct Event: Sendable, Equatable {
        package let position: Int64
        package let id: UUID
        package let type: String
        package let stream: StreamName
        package let version: Int
        package let recordedAt: Timestamp
        package let commands: [Command]
    }

    /// The commands that no event of the call has led to, oldest first.
    package let roots: [Command]

    /// - Parameter events: all of one call, in order.
    package init(_ events: [RecordedEvent]) {
        var order: [UUID] = []
        var byCommand: [UUID: [RecordedEvent]] = [:]
        for event in events {
            if byCommand[event.metadata.command] == nil { order.append(event.metadata.command) }
            byCommand[event.metadata.command, default: []].append(event)
        }
        let own = Dictionary(events.map { ($0.id, $0.position) }) { first, _ in first }
        var below: [UUID: [UUID]] = [:]
        var tops: [UUID] = []
        for id in order {
            // A cause comes before its effect, so no circle can come of what somebody has written into the log.
            if let first = byCommand[id]?.first, let cause = first.metadata.causation, let place = own[cause], place < first.position {
                below[cause, default: []].append(id)
            } else {
                tops.append(id)
            }
        }
        func command(_ id: UUID) -> Command {
            let events = byCommand[id] ?? []
            let metadata = events.first?.metadata
            return Command(
                id: id, actor: metadata?.actor, traceparent: metadata?.traceparent, cause: metadata?.causation.flatMap { own[$0] == nil ? $0 : nil },
                events: events.map { event in
                    Event(
                        position: event.position, id: event.id, type: event.type, stream: event.stream, version: event.version,
                        recordedAt: event.recordedAt, commands: (below[event.id] ?? []).map(command))
                })
        }
        roots = tops.map(command)
    }
}
