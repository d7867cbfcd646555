import FoundationEssentials

/// A proof that one event is in the log, which can be checked with the log's key alone (C2SP tlog-proof).
package struct EventProof: Sendable, Equatable, CustomStringConvertible {
    private static let version = "c2sp.org/tlog-proof@v1"

    /// The leaf's index: the event's position less 1.
    package let index: Int64
    package let inclusion: InclusionProof
    package let checkpoint: SignedCheckpoint

    package init(index: Int64, inclusion: InclusionProof, checkpoint: SignedCheckpoint) {
        self.index = index
        self.inclusion = inclusion
        self.checkpoint = checkpoint
    }

    /// Reads a proof; nil for anything else. An `extra` line is allowed and ignored.
    package init?(_ text: String) {
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false)[...]
        guard lines.popFirst().map(String.init) == Self.version else { return nil }
        if lines.first?.hasPrefix("extra ") == true { lines.removeFirst() }
        guard let line = lines.popFirst(), line.hasPrefix("index "), let index = Int64(line.dropFirst(6)), index >= 0 else { return nil }
        var hashes: [MerkleHash] = []
        while let line = lines.popFirst(), !line.isEmpty {
            guard let hash = Data(base64Encoded: String(line)).flatMap({ MerkleHash($0) }) else { return nil }
            hashes.append(hash)
        }
        guard let checkpoint = SignedCheckpoint(lines.joined(separator: "\n")) else { return nil }
        self.init(index: index, inclusion: InclusionProof(hashes), checkpoint: checkpoint)
    }

    package var description: String {
        let hashes = inclusion.hashes.map { $0.base64 + "\n" }.joined()
        return "\(Self.version)\nindex \(index)\n\(hashes)\n\(checkpoint.note)"
    }

    /// Whether it proves that the entry is in the tree of the checkpoint. The checkpoint's signature is not checked.
    package func proves(entry: MerkleHash) -> Bool {
        inclusion.proves(leaf: .leaf(entry), at: index, size: checkpoint.checkpoint.size, root: checkpoint.checkpoint.root)
    }
}
