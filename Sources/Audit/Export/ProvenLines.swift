import Crypto

/// An export with proofs: each event as it is stored with its proof against one checkpoint, between a line that has the checkpoint and one that ends the file (docs/audit.md).
package struct ProvenLines: ExportEncoder {
    private var lines: ProofLines
    private var text = CanonicalJSON()
    private var hash = SHA256()
    private var events: Int64 = 0
    private var hasBegun = false

    /// - Parameter checkpoint: a published one of the log; the export must end with what it covers.
    package init(_ log: MerkleLog, against checkpoint: SignedCheckpoint) {
        lines = ProofLines(log, against: checkpoint)
    }

    package mutating func encode(_ page: TrailPage) async throws -> [UInt8] {
        text.removeAll()
        if !hasBegun { lines.appendHeader(to: &text) }
        hasBegun = true
        events += Int64(try await lines.append(page, to: &text))
        text.bytes.withUnsafeBytes { hash.update(bufferPointer: $0) }
        return text.bytes
    }

    package mutating func finish() -> [UInt8] {
        text.removeAll()
        // The digest is of all bytes before the line that has it. An export always has a page, so it has begun.
        ProofLines.appendTrailer(events: events, sha256: Array(hash.finalize()), to: &text)
        return text.bytes
    }
}
