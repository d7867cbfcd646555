import Postgres

extension SigningKeys {
    /// Tries each key before anything is changed.
    /// - Parameter open: throws for a key that can't be wrapped anew.
    package func openAll(_ open: (_ wrapped: [UInt8]) throws -> Void) async throws {
        for row in try await identity.query(.wrappedKeys) { try open(try row.get(1)) }
    }

    /// Wraps the private part of each key anew. It can be interrupted anywhere and begun again. The pool needs the owner's rights.
    /// - Parameter rewrapped: the key in its new wrapping; nil when it has that already.
    package func rewrapAll(_ rewrapped: (_ wrapped: [UInt8]) throws -> [UInt8]?) async throws {
        for row in try await identity.query(.wrappedKeys) {
            guard let wrapped = try rewrapped(try row.get(1)) else { continue }
            try await identity.query(.rewrapKey, [.text(try row.get(0)), .bytes(wrapped)])
        }
    }
}

extension Statement {
    fileprivate static let wrappedKeys = Statement("wrapped_signing_keys", "SELECT kid, wrapped_private_key FROM identity.signing_keys")
    fileprivate static let rewrapKey = Statement(
        "rewrap_signing_key", "UPDATE identity.signing_keys SET wrapped_private_key = $2 WHERE kid = $1")
}
