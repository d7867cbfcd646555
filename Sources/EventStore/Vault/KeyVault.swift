package import Crypto
import EventSourcing
package import FoundationEssentials
package import Postgres
import Synchronization

/// The data keys of persons: made, opened and destroyed here. Opened keys are kept in memory for a minute at most, and
/// `followDestructions(logger:)` drops those that another process destroys within a second or two.
package final class KeyVault: PersonalKeys {
    /// The state of a person's key.
    package enum DataKey: Sendable {
        case usable(SymmetricKey)
        case destroyed
        /// The master key does not open it, though it opens others: its bytes were changed.
        case damaged
    }

    private struct Cached {
        let key: DataKey
        let readAt: ContinuousClock.Instant
    }

    private let pool: ConnectionPool
    private let masterKey: MasterKey
    private let cache = Mutex<[UUID: Cached]>([:])
    private let keepFor: Duration
    private let capacity = 100_000

    package init(_ pool: ConnectionPool, masterKey: MasterKey, keepFor: Duration = .seconds(60)) {
        self.pool = pool
        self.masterKey = masterKey
        self.keepFor = keepFor
    }

    package func createKey(for subject: UUID) async throws {
        let secret = SymmetricKey(size: .bits256).withUnsafeBytes { Array($0) }
        try await query(.createDataKey, [.uuid(subject), .bytes(try masterKey.wrap(secret, for: subject.lowercased))])
    }

    /// Destroys a person's key for good: everything sealed with it is forgotten. No error when it was destroyed before.
    package func destroyKey(of subject: UUID) async throws {
        try await query(.destroyDataKey, [.uuid(subject)])
        noteDestruction(of: subject)
    }

    /// Drops a person's key from memory, because it was destroyed. A read under way that still finds it does not bring it back.
    package func noteDestruction(of subject: UUID) {
        cache.withLock { $0[subject] = Cached(key: .destroyed, readAt: .now) }
    }

    /// Drops a person's key that is in memory.
    func forget(_ subject: UUID) {
        cache.withLock { cache in
            if cache[subject] != nil { cache[subject] = Cached(key: .destroyed, readAt: .now) }
        }
    }

    /// The keys of these persons, in one query for those that are not in memory. Throws `VaultError.keyUnknown` for a person the vault never had,
    /// `VaultError.keyDamaged` for one whose key does not open, and what `knownKeys(of:)` throws.
    package func keys(of subjects: Set<UUID>) async throws -> [UUID: DataKey] {
        let found = try await knownKeys(of: subjects)
        for subject in subjects {
            switch found[subject] {
            case nil: throw VaultError.keyUnknown(subject)
            case .damaged: throw VaultError.keyDamaged(subject)
            case .usable, .destroyed: continue
            }
        }
        return found
    }

    /// The same, without the persons whom the vault never had, and with the damaged keys marked. Throws `VaultError.unusableMasterKey` when no key
    /// opens at all, and `EventStoreError.unavailable` while the vault is away.
    package func knownKeys(of subjects: Set<UUID>) async throws -> [UUID: DataKey] {
        var found = fresh(subjects)
        let missing = subjects.filter { found[$0] == nil }
        if missing.isEmpty { return found }
        var damaged: Set<UUID> = []
        for row in try await query(.readDataKeys, [.uuids(Array(missing))]) {
            let subject: UUID = try row.get(0)
            if let wrapped: [UInt8] = try row.get(1) {
                if let key = opened(wrapped, for: subject) { found[subject] = .usable(key) } else { damaged.insert(subject) }
            } else {
                found[subject] = .destroyed
            }
        }
        keep(found.filter { missing.contains($0.key) })
        if damaged.isEmpty { return found }
        // One bad key is its person's trouble. A master key that opens none is everybody's, and must not pass for bad keys.
        if !found.values.contains(where: \.isUsable) { try await requireAnyKeyToOpen(besides: damaged) }
        for subject in damaged { found[subject] = .damaged }
        return found
    }

    private func opened(_ wrapped: [UInt8], for subject: UUID) -> SymmetricKey? {
        (try? masterKey.unwrap(wrapped, for: subject.lowercased)).map { SymmetricKey(data: $0) }
    }

    private func requireAnyKeyToOpen(besides damaged: Set<UUID>) async throws {
        for row in try await query(.readOtherDataKeys, [.uuids(Array(damaged))]) where opened(try row.get(1), for: try row.get(0)) != nil { return }
        throw VaultError.unusableMasterKey
    }

    /// A person's key when it is in memory; nil says nothing.
    package func keyInMemory(of subject: UUID) -> DataKey? {
        let oldest = ContinuousClock.now - keepFor
        return cache.withLock { cache in cache[subject].flatMap { $0.readAt > oldest ? $0.key : nil } }
    }

    /// A failure of the database becomes an `EventStoreError`: readers and writers of the log need not care which of its databases was away.
    @discardableResult func query(_ statement: Statement, _ values: [SQLValue]) async throws -> QueryResult {
        do {
            return try await pool.query(statement, values)
        } catch {
            if error.isTransient || error.outcomeUnknown { throw EventStoreError.unavailable(reason: error.description) }
            guard case .server = error.kind else { throw error }
            throw EventStoreError.refused(statement: statement.name, reason: error.description)
        }
    }

    private func fresh(_ subjects: Set<UUID>) -> [UUID: DataKey] {
        let oldest = ContinuousClock.now - keepFor
        return cache.withLock { cache in
            var found: [UUID: DataKey] = [:]
            for subject in subjects {
                guard let cached = cache[subject], cached.readAt > oldest else { continue }
                found[subject] = cached.key
            }
            return found
        }
    }

    private func keep(_ keys: [UUID: DataKey]) {
        let now = ContinuousClock.now
        cache.withLock { cache in
            // Filling up is rare and a refill costs one query, so emptying it beats keeping an order of use on the hot path.
            if cache.count + keys.count > capacity { cache.removeAll(keepingCapacity: true) }
            for (subject, key) in keys {
                // A key read while it was being destroyed must not come back.
                if case .destroyed? = cache[subject]?.key { continue }
                cache[subject] = Cached(key: key, readAt: now)
            }
        }
    }
}

extension KeyVault.DataKey {
    fileprivate var isUsable: Bool {
        if case .usable = self { true } else { false }
    }
}

extension Statement {
    fileprivate static let createDataKey = Statement(
        "vault_create_data_key",
        "INSERT INTO vault.data_keys (subject, wrapped) VALUES ($1, $2) ON CONFLICT (subject) DO NOTHING")

    fileprivate static let destroyDataKey = Statement("vault_destroy_data_key", "SELECT vault.destroy_key($1)")

    fileprivate static let readDataKeys = Statement(
        "vault_read_data_keys",
        "SELECT subject, wrapped FROM vault.data_keys WHERE subject = ANY ($1)")

    fileprivate static let readOtherDataKeys = Statement(
        "vault_read_other_data_keys",
        "SELECT subject, wrapped FROM vault.data_keys WHERE wrapped IS NOT NULL AND subject <> ALL ($1) LIMIT 20")
}
