import Audit
import EventSourcing
import FoundationEssentials
import JSON

/// One event, one line. Nothing in it can control the terminal, whatever people have written in their posts.
struct EventLines: Sendable {
    let isJSON: Bool
    /// Tells which fields are personal: those are forgotten when they are null.
    let catalog: EventCatalog

    func line(_ event: RecordedEvent) -> String {
        (isJSON ? json(event) : columns(event)).escapingControls
    }

    private func columns(_ event: RecordedEvent) -> String {
        let forgotten = catalog.forgottenFields(of: event)
        return "\(event.position)".padded(8, .leading) + "  \(event.recordedAt)  " + "\(event.stream)".padded(42)
            + "\(event.version)".padded(5, .leading)
            + "  " + event.type.padded(18) + " " + JSONValue.object(event.data).serialized
            + (forgotten.isEmpty ? "" : "  forgotten: " + forgotten.joined(separator: ", "))
    }

    private func json(_ event: RecordedEvent) -> String {
        var writer = JSONWriter()
        writer.recordedEvent(event, catalog: catalog)
        return writer.text
    }
}

private enum Side {
    case leading
    case trailing
}

extension String {
    /// At least so many characters, with blanks on one side.
    fileprivate func padded(_ width: Int, _ side: Side = .trailing) -> String {
        let blanks = String(repeating: " ", count: max(0, width - utf8.count))
        return switch side {
        case .leading: blanks + self
        case .trailing: self + blanks
        }
    }
}
