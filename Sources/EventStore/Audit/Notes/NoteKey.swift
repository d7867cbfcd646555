import Crypto
import FoundationEssentials

/// A key that signed notes are checked with (C2SP signed-note): Ed25519, under a name.
package struct NoteVerifier: Sendable, Equatable, CustomStringConvertible {
    /// Ed25519's number among the signature types.
    static let algorithm: UInt8 = 0x01

    package let name: String
    /// The first four bytes of SHA-256(name ‖ 0x0A ‖ type ‖ public key). A signature names its key by them.
    package let id: [UInt8]
    /// 32 bytes.
    package let publicKey: [UInt8]

    init(name: String, publicKey: [UInt8]) {
        self.name = name
        self.publicKey = publicKey
        id = Array(MerkleHash.sha256(Array(name.utf8) + [0x0A, Self.algorithm] + publicKey).bytes.prefix(4))
    }

    /// Reads the form that `description` has; nil for anything else.
    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "+", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, NoteSigner.isName(parts[0]), let key = Data(base64Encoded: String(parts[2])).map(Array.init), key.count == 33,
            key[0] == Self.algorithm
        else { return nil }
        self.init(name: String(parts[0]), publicKey: Array(key[1...]))
        guard parts[1] == id.hexadecimal else { return nil }
    }

    /// The vkey form: `<name>+<hexadecimal id>+<base64 of type and public key>`.
    package var description: String { "\(name)+\(id.hexadecimal)+\(Data([Self.algorithm] + publicKey).base64EncodedString())" }

    /// Whether the signature is this key's over the text.
    func isValid(_ signature: [UInt8], of text: [UInt8]) -> Bool {
        guard let key = try? Curve25519.Signing.PublicKey(rawRepresentation: publicKey) else { return false }
        return key.isValidSignature(signature, for: text)
    }
}

/// A key that notes are signed with.
package struct NoteSigner: Sendable, CustomStringConvertible {
    package let verifier: NoteVerifier
    private let key: Curve25519.Signing.PrivateKey

    /// A new key under a name; without one, under `annals-` and the beginning of its public half, which no other log has.
    package init(name: String?) {
        let key = Curve25519.Signing.PrivateKey()
        let publicKey = Array(key.publicKey.rawRepresentation)
        self.key = key
        verifier = NoteVerifier(name: name ?? "annals-" + Array(publicKey.prefix(8)).hexadecimal, publicKey: publicKey)
    }

    /// Reads the form that `description` has, which is that of Go's `note` package; nil for anything else.
    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "+", maxSplits: 4, omittingEmptySubsequences: false)
        guard parts.count == 5, parts[0] == "PRIVATE", parts[1] == "KEY", Self.isName(parts[2]),
            let bytes = Data(base64Encoded: String(parts[4])).map(Array.init), bytes.count == 33, bytes[0] == NoteVerifier.algorithm,
            let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: bytes[1...])
        else { return nil }
        self.key = key
        verifier = NoteVerifier(name: String(parts[2]), publicKey: Array(key.publicKey.rawRepresentation))
        guard parts[3] == verifier.id.hexadecimal else { return nil }
    }

    /// The secret form: `PRIVATE+KEY+<name>+<hexadecimal id>+<base64 of type and seed>`.
    package var description: String {
        let secret = Data([NoteVerifier.algorithm] + key.rawRepresentation).base64EncodedString()
        return "PRIVATE+KEY+\(verifier.name)+\(verifier.id.hexadecimal)+\(secret)"
    }

    /// Names are not empty and have neither spaces nor a plus sign.
    package static func isName(_ text: some StringProtocol) -> Bool {
        !text.isEmpty && text.unicodeScalars.allSatisfy { !$0.properties.isWhitespace && $0.value >= 0x20 && $0 != "+" }
    }

    /// The text with this key's signature.
    package func sign(_ text: String) throws -> SignedNote {
        let signature = Array(try key.signature(for: Array(text.utf8)))
        return SignedNote(text: text, signatures: [SignedNote.Signature(name: verifier.name, keyID: verifier.id, bytes: signature)])
    }
}

extension [UInt8] {
    var hexadecimal: String { map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined() }
}
