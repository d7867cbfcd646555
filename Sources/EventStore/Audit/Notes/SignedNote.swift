import FoundationEssentials

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
