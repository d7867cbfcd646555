package import FoundationEssentials

/// A personal value as a reader of the log meets it: readable, or gone with its subject's key.
package enum Personal<Value: Sendable & Hashable>: Sendable, Hashable {
    case known(Value)
    /// The key that sealed it was destroyed: the person asked to be forgotten.
    case forgotten

    /// The value while it is readable.
    package var value: Value? {
        switch self {
        case .known(let value): value
        case .forgotten: nil
        }
    }
}

extension Personal<String> {
    /// Bytes of the text in UTF-8; none once it is forgotten.
    package var byteCount: Int { value?.utf8.count ?? 0 }
}

/// Makes the data keys that personal fields are sealed with: once per person, at registration, never on demand.
package protocol PersonalKeys: Sendable {
    /// Makes the person's key, durably, before anything is sealed for them. Doing it again for the same person keeps the first key.
    func createKey(for subject: UUID) async throws
}

/// Turns values that must be compared but not stored into keyed hashes.
package protocol KeyedHasher: Sendable {
    /// HMAC-SHA-256 of the parts under the system's own key; the parts can't run into each other. 32 bytes.
    func hash(_ parts: [String]) -> [UInt8]
}

/// Seals secrets of the system that stand in events, such as what a receiver's deliveries are signed with. Unlike personal fields they are opened
/// only by those who use them, and never on the way out of the log.
package protocol SecretSealing: Sendable {
    /// The secret, sealed with the key of its owner, which is made if there is none: `<base64 of nonce, ciphertext and tag>`.
    func seal(_ secret: [UInt8], for owner: UUID) async throws -> String

    /// The secret again; nil when the owner's key is gone or does not open it.
    func open(_ sealed: String, for owner: UUID) async throws -> [UInt8]?
}
