import AccessTokens
import EventSourcing
import FoundationEssentials
import HTTPContract
import Postgres

/// A user's change of their own password. It ends every session but the one that makes it.
struct PasswordChange: Sendable {
    let identity: ConnectionPool
    let confirmation: PasswordConfirmation
    let passwords: PasswordHasher
    let hasher: any KeyedHasher
    let endings: Signal
    let settings: AuthSettings

    /// Changes the password. True if an equal request under the same key did so before, and nothing happens now.
    func change(of user: SignedInUser, from current: String, to new: String, idempotencyKey: String?, context: CallContext) async throws -> Bool {
        let receipt = idempotencyKey.map { key in
            Receipt(
                id: hasher.hash(["password change", user.id.lowercased, key]),
                digest: hasher.hash(["password change", user.id.lowercased, key, current, new]))
        }
        if let receipt, let digest = try await digest(under: receipt) {
            // The digest covers both passwords, so unlimited tries would allow to guess them.
            let isRepeat = try await confirmation.attempt(on: user.id, context: context) { digest == receipt.digest }
            guard isRepeat else { throw Problem.idempotencyKeyReused() }
            return true
        }
        let stored = try await confirmation.confirm(current, of: user.id, field: "currentPassword", context: context)
        let hash = try await passwords.hash(new)
        if try await replace(stored, by: hash, of: user, receipt: receipt) {
            endings.raise()
            return false
        }
        // Another request was faster. It may have been a repeat of this one.
        guard let receipt, let digest = try await digest(under: receipt) else {
            throw Problem.conflict("The password was changed by another request meanwhile.")
        }
        guard digest == receipt.digest else { throw Problem.idempotencyKeyReused() }
        return true
    }

    /// The digest of the change that was made under the same key before.
    private func digest(under receipt: Receipt) async throws -> [UInt8]? {
        try await identity.query(.findReceipt, [.bytes(receipt.id)]).first?.get(0)
    }

    /// False if the stored password was changed meanwhile.
    private func replace(_ stored: Credentials.Password, by hash: PasswordHash, of user: SignedInUser, receipt: Receipt?) async throws -> Bool {
        let time = SQLValue.timestamp(settings.now().milliseconds)
        return try await identity.withTransaction { transaction -> Bool in
            let values: [SQLValue] = [.uuid(user.id), .int4(stored.generation), .text(hash.text), time]
            guard try await transaction.query(.changePassword, values).affectedRows == 1 else { return false }
            try await transaction.query(.revokeOtherSessions, [.uuid(user.id), .uuid(optional: user.session), time])
            if let receipt { try await transaction.query(.insertReceipt, [.bytes(receipt.id), .bytes(receipt.digest), time]) }
            return true
        }
    }

    /// Receipts answer repeats for a day at least.
    func deleteOldReceipts() async throws {
        try await identity.query(.deleteReceipts, [.timestamp(settings.now().advanced(by: .seconds(-25 * 60 * 60)).milliseconds)])
    }

    private struct Receipt {
        let id: [UInt8]
        let digest: [UInt8]
    }
}

extension Statement {
    fileprivate static let changePassword = Statement(
        "change_password",
        """
        UPDATE identity.credentials SET password_hash = $3, generation = generation + 1, changed_at = $4
        WHERE user_id = $1 AND generation = $2 AND state = 'active'
        """)

    fileprivate static let revokeOtherSessions = Statement(
        "revoke_other_sessions",
        "UPDATE identity.sessions SET revoked_at = $3 WHERE user_id = $1 AND revoked_at IS NULL AND id IS DISTINCT FROM $2")

    fileprivate static let findReceipt = Statement("find_receipt", "SELECT digest FROM identity.receipts WHERE id = $1")

    fileprivate static let insertReceipt = Statement("insert_receipt", "INSERT INTO identity.receipts (id, digest, created_at) VALUES ($1, $2, $3)")

    fileprivate static let deleteReceipts = Statement("delete_receipts", "DELETE FROM identity.receipts WHERE created_at < $1")
}

/// Asks a signed-in user for their password again before an action that a stolen token must not allow. Wrong passwords are counted, so that a token
/// does not allow guessing.
struct PasswordConfirmation: Sendable {
    let credentials: Credentials
    let passwords: PasswordHasher
    let throttle: SignInThrottle
    let hasher: any KeyedHasher

    /// The stored password, if the given one is right. Else 403: the token is valid, so a new one would not help. 401 if the account is not active.
    func confirm(_ password: String, of user: UUID, field: String, context: CallContext) async throws -> Credentials.Password {
        guard let stored = try await credentials.password(of: user) else { throw Problem.unauthenticated("This account is not active.") }
        // The holder of a valid token counts as familiar, as a client at a known address does.
        let party = HashingParty(account: user.lowercased, origin: context.clientAddress) { true }
        let isRight = try await attempt(on: user, context: context) { try await passwords.verify(password, against: stored.hash, for: party) }
        guard isRight else { throw Problem(.forbidden, "The password is wrong.", details: [Violation(field, "is wrong")]) }
        return stored
    }

    /// Runs a check of something that only the user knows. Failures are counted; 429 if the next try comes too soon.
    func attempt(on user: UUID, context: CallContext, _ isRight: () async throws -> Bool) async throws -> Bool {
        let claimant = SignInThrottle.Claimant(account: hasher.hash(["password of", user.lowercased]), address: context.clientAddress)
        return try await throttle.attempt(claimant) { try await isRight() ? true : nil } ?? false
    }
}
