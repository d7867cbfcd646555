import FoundationEssentials

/// A statement about a log (C2SP tlog-checkpoint): its tree of this size has this root.
package struct Checkpoint: Sendable, Equatable, CustomStringConvertible {
    /// The log's name.
    package let origin: String
    /// How many leaves: the last position that it covers.
    package let size: Int64
    package let root: MerkleHash

    package init(origin: String, size: Int64, root: MerkleHash) {
        self.origin = origin
        self.size = size
        self.root = root
    }

    /// Reads the text of a note. Lines after the third are extensions, which are allowed and ignored. Nil for anything else.
    package init?(_ text: String) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.count >= 4, lines.last == "", !lines[0].isEmpty, let size = Int64(lines[1]), size >= 0, lines[1] == "\(size)",
            let root = Data(base64Encoded: String(lines[2])).flatMap({ MerkleHash($0) })
        else { return nil }
        self.init(origin: String(lines[0]), size: size, root: root)
    }

    /// The text that is signed.
    package var description: String { "\(origin)\n\(size)\n\(root.base64)\n" }
}

/// A checkpoint together with the note that it was read from.
package struct SignedCheckpoint: Sendable, Equatable {
    package let checkpoint: Checkpoint
    package let note: SignedNote

    /// Reads a note whose text is a checkpoint; nil for anything else. Checks no signature.
    package init?(_ note: String) {
        guard let note = SignedNote(note), let checkpoint = Checkpoint(note.text) else { return nil }
        self.checkpoint = checkpoint
        self.note = note
    }

    /// Signs a tree's head in the name of the key.
    init(size: Int64, root: MerkleHash, by signer: NoteSigner) throws {
        checkpoint = Checkpoint(origin: signer.verifier.name, size: size, root: root)
        note = try signer.sign(checkpoint.description)
    }

    /// Whether the log itself has signed it: by the key, and under the key's name.
    package func isSigned(by verifier: NoteVerifier) -> Bool { checkpoint.origin == verifier.name && note.isSigned(by: verifier) }
}

/// A text with signatures below it (C2SP signed-note).
package struct SignedNote: Sendable, Equatable, CustomStringConvertible {
    package struct Signature: Sendable, Equatable {
        package let name: String
        /// Four bytes.
        package let keyID: [UInt8]
        package let bytes: [UInt8]
    }

    /// Ends with a newline, which is signed, too.
    package let text: String
    package let signatures: [Signature]

    init(text: String, signatures: [Signature]) {
        self.text = text
        self.signatures = signatures
    }

    private static let newline = UInt8(ascii: "\n")

    /// Reads a note: the text, an empty line, and one line for each signature. Nil for anything else.
    package init?(_ note: String) {
        let bytes = Array(note.utf8)
        // Signature lines are not empty, so the last empty line is the one above them.
        guard bytes.count <= 1 << 20, bytes.last == Self.newline, bytes.allSatisfy({ $0 >= 0x20 || $0 == Self.newline }),
            let end = bytes.indices.dropFirst().last(where: { bytes[$0] == Self.newline && bytes[$0 - 1] == Self.newline })
        else { return nil }
        text = String(decoding: bytes[..<end], as: UTF8.self)
        var signatures: [Signature] = []
        for line in bytes[(end + 1)...].dropLast().split(separator: Self.newline, omittingEmptySubsequences: false) {
            let line = String(decoding: line, as: UTF8.self)
            let parts = line.split(separator: " ", omittingEmptySubsequences: false)
            guard parts.count == 3, parts[0] == "\u{2014}", NoteSigner.isName(parts[1]), let bytes = Data(base64Encoded: String(parts[2])),
                bytes.count > 4
            else { return nil }
            signatures.append(Signature(name: String(parts[1]), keyID: Array(bytes.prefix(4)), bytes: Array(bytes.dropFirst(4))))
        }
        guard !signatures.isEmpty else { return nil }
        self.signatures = signatures
    }

    /// Whether a signature is this key's. Signatures of other keys, such as witnesses', don't matter.
    package func isSigned(by verifier: NoteVerifier) -> Bool {
        let mine = signatures.filter { $0.name == verifier.name && $0.keyID == verifier.id }
        return !mine.isEmpty && mine.allSatisfy { verifier.isValid($0.bytes, of: Array(text.utf8)) }
    }

    /// The note as it is stored and served.
    package var description: String {
        text + "\n" + signatures.map { "\u{2014} \($0.name) \(Data($0.keyID + $0.bytes).base64EncodedString())\n" }.joined()
    }
}

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
