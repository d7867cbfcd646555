package import EventSourcing
import JSON

/// Writes events as the text of an export, page by page.
package protocol ExportEncoder: Sendable {
    /// The text of a page's events, to be written behind that of the pages before.
    mutating func encode(_ page: TrailPage) async throws -> [UInt8]

    /// The text behind the last page.
    mutating func finish() async throws -> [UInt8]
}

/// The canonical JSON of each event as it is stored, one a line: anybody can hash it, and the Merkle log has hashed it.
package struct SealedLines: ExportEncoder {
    private var text = CanonicalJSON()

    package init() {}

    package mutating func encode(_ page: TrailPage) throws -> [UInt8] {
        text.removeAll()
        try page.forEach { event throws in
            try text.append(event)
            text.writer.literal("\n")
        }
        return text.bytes
    }

    package mutating func finish() -> [UInt8] { [] }
}

/// Events as JSON texts of their own: our form or CloudEvents, opened or as they are stored.
package struct EventTexts: ExportEncoder {
    /// How the texts of events follow each other.
    package enum Form: Sendable {
        /// One JSON object a line, with the members of `RecordedEvent`.
        case lines
        /// One CloudEvent a line.
        case cloudEventLines
        /// One JSON array of CloudEvents: `application/cloudevents-batch+json`.
        case cloudEventBatch
    }

    private let form: Form
    private let opening: EventOpening?
    private let catalog: EventCatalog
    private var isFirst = true

    /// - Parameters:
    ///   - opening: opens personal data; nil leaves it sealed.
    ///   - catalog: says which fields are personal, and so forgotten when they are null.
    package init(_ form: Form, catalog: EventCatalog, opening: EventOpening?) {
        self.form = form
        self.opening = opening
        self.catalog = catalog
    }

    package mutating func encode(_ page: TrailPage) async throws -> [UInt8] {
        let stored = try page.events()
        let events = try await opening?(stored) ?? stored
        var text: [UInt8] = []
        for event in events {
            var writer = JSONWriter(capacity: 1024)
            switch form {
            case .lines:
                writer.recordedEvent(event, catalog: catalog)
                text += writer.bytes
                text.append(UInt8(ascii: "\n"))
            case .cloudEventLines:
                writer.cloudEvent(event, catalog: catalog)
                text += writer.bytes
                text.append(UInt8(ascii: "\n"))
            case .cloudEventBatch:
                text += isFirst ? "[\n".utf8 : ",\n".utf8
                writer.cloudEvent(event, catalog: catalog)
                text += writer.bytes
            }
            isFirst = false
        }
        return text
    }

    package mutating func finish() -> [UInt8] {
        switch form {
        case .lines, .cloudEventLines: []
        case .cloudEventBatch: Array((isFirst ? "[]\n" : "\n]\n").utf8)
        }
    }
}
