import Crypto
import EventSourcing
package import FoundationEssentials

/// The key that wraps all others. It comes from a file or the environment and never touches a database.
package struct MasterKey: Sendable {
    private let key: SymmetricKey

    /// Reads 64 hexadecimal digits, surrounding white space ignored; nil when the text is anything else.
    package init?(hexadecimal text: some StringProtocol) {
        let digits = text.utf8.filter { !($0 == 0x20 || $0 == 0x0A || $0 == 0x0D) }
        guard digits.count == 64 else { return nil }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: 64, by: 2) {
            // `UInt8(_:radix:)` alone would take a sign for a digit.
            let pair = Character(Unicode.Scalar(digits[index])).hexDigitValue.flatMap { high in
                Character(Unicode.Scalar(digits[index + 1])).hexDigitValue.map { high * 16 + $0 }
            }
            guard let byte = pair.flatMap(UInt8.init(exactly:)) else { return nil }
            bytes.append(byte)
        }
        key = SymmetricKey(data: bytes)
    }

    /// A new random key in the form that `init(hexadecimal:)` reads.
    package static func generate() -> String {
        var random = SystemRandomNumberGenerator()
        return (0..<32).map { _ in
            let byte = UInt8.random(in: .min ... .max, using: &random)
            return (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }.joined()
    }

    /// Encrypts a key (AES-256-GCM, random nonce), bound to a name that says its use: nonce, ciphertext and tag in one.
    package func wrap(_ secret: some DataProtocol, for name: String) throws(VaultError) -> [UInt8] {
        do {
            guard let box = try AES.GCM.seal(secret, using: key, authenticating: Array(name.utf8)).combined else {
                throw VaultError.unusableMasterKey
            }
            return Array(box)
        } catch {
            throw .unusableMasterKey
        }
    }

    /// Opens a key that `wrap` encrypted for the same name. Throws when this is another master key or the bytes were changed.
    package func unwrap(_ wrapped: [UInt8], for name: String) throws(VaultError) -> [UInt8] {
        do {
            return Array(try AES.GCM.open(AES.GCM.SealedBox(combined: wrapped), using: key, authenticating: Array(name.utf8)))
        } catch {
            throw .unusableMasterKey
        }
    }
}

/// Why the vault can't be used.
package enum VaultError: Error, Equatable, CustomStringConvertible {
    /// The master key does not open the keys in the vault.
    case unusableMasterKey
    /// The vault has no key for this person and never destroyed one: the vault is not the one that belongs to this log.
    case keyUnknown(UUID)
    /// The master key opens other keys and not this person's: its bytes were changed.
    case keyDamaged(UUID)
    /// A sealed part does not open with its person's key: it was changed, or moved to another event.
    case damaged(event: UUID)

    package var description: String {
        switch self {
        case .unusableMasterKey: "the master key does not open the keys in the vault"
        case .keyUnknown(let subject): "the vault has no key for \(subject.lowercased) and never had one"
        case .keyDamaged(let subject): "the key of \(subject.lowercased) in the vault is damaged"
        case .damaged(let event): "the sealed part of event \(event.lowercased) does not open"
        }
    }
}
