import Crypto
import JSON

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
