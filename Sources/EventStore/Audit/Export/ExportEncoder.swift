import Crypto
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

/// An export with proofs: each event as it is stored with its proof against one checkpoint, between a line that has the checkpoint and one that ends
/// the file (docs/audit.md).
package struct ProvenLines: ExportEncoder {
    private let checkpoint: SignedCheckpoint
    private let earlier: Checkpoint?
    private var prover: Prover
    private var text = JSONWriter()
    private var event = CanonicalJSON()
    private var hash = SHA256()
    private var events: Int64 = 0
    private var hasBegun = false

    /// - Parameters:
    ///   - checkpoint: a published one of the log; the export must end with the events that it covers.
    ///   - earlier: one that the reader has, of no more events: the file proves, too, that `checkpoint` goes on from it.
    package init(_ log: MerkleLog, against checkpoint: SignedCheckpoint, since earlier: Checkpoint? = nil) {
        self.checkpoint = checkpoint
        self.earlier = earlier
        prover = Prover(log, size: checkpoint.checkpoint.size)
    }

    package mutating func finish() -> [UInt8] {
        text.removeAll()
        // An export always has a page, so it has begun.
        ProvenExport.Trailer(events: events, sha256: Array(hash.finalize()).hexadecimal).append(to: &text)
        return text.bytes
    }

    /// The text of a page, which the checkpoint must cover; the first time behind the header.
    package mutating func encode(_ page: TrailPage) async throws -> [UInt8] {
        text.removeAll()
        if !hasBegun { try await header().append(to: &text) }
        hasBegun = true
        var leaves: [Int64] = []
        try page.forEach { leaves.append($0.position - 1) }
        try await prover.load(leaves: leaves)
        try page.forEach { row in
            event.removeAll()
            try event.append(row)
            let index = row.position - 1
            ProvenExport.Event(json: event.bytes, index: index, proof: try prover.loadedInclusion(of: index)).append(to: &text)
        }
        events += Int64(leaves.count)
        text.bytes.withUnsafeBytes { hash.update(bufferPointer: $0) }
        return text.bytes
    }

    private mutating func header() async throws -> ProvenExport.Header {
        guard let earlier else { return ProvenExport.Header(checkpoint: checkpoint, consistency: nil) }
        let proof = try await prover.consistency(since: earlier.size)
        return ProvenExport.Header(checkpoint: checkpoint, consistency: .init(size: earlier.size, proof: proof))
    }
}
