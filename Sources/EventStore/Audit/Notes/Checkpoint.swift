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
