import Crypto
import EventSourcing
package import FoundationEssentials

extension KeyVault: SecretSealing {
    package func seal(_ secret: [UInt8], for owner: UUID) async throws -> String {
        try await createKey(for: owner)
        guard case .usable(let key)? = try await keys(of: [owner])[owner],
            let box = try AES.GCM.seal(secret, using: key, authenticating: Self.associatedData(owner)).combined
        else { throw VaultError.keyDamaged(owner) }
        return box.base64EncodedString()
    }

    package func open(_ sealed: String, for owner: UUID) async throws -> [UInt8]? {
        guard case .usable(let key)? = try await knownKeys(of: [owner])[owner], let bytes = Data(base64Encoded: sealed),
            let box = try? AES.GCM.SealedBox(combined: bytes),
            let secret = try? AES.GCM.open(box, using: key, authenticating: Self.associatedData(owner))
        else { return nil }
        return Array(secret)
    }

    /// Differs from that of a sealed event, so that neither can pass for the other.
    private static func associatedData(_ owner: UUID) -> [UInt8] { Array("secret/\(owner.lowercased)".utf8) }
}
