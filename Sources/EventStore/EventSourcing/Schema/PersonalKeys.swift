package import FoundationEssentials

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
