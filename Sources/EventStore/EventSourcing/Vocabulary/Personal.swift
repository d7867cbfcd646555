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
