import EventSourcing
import FoundationEssentials
package import Postgres

/// The way of all wrapped keys from one master key to the next. It can be interrupted anywhere and begun again.
///
/// Nothing else may use the vault meanwhile: a process with the one key takes what the other has wrapped for damaged.
package struct MasterKeyRotation: Sendable {
    private static let pageSize = 500

    private let old: MasterKey
    private let new: MasterKey

    package init(from old: MasterKey, to new: MasterKey) {
        self.old = old
        self.new = new
    }

    /// A key wrapped by the new master key; nil when it is already. Throws when neither opens it.
    package func rewrapped(_ wrapped: [UInt8], for name: String) throws(VaultError) -> [UInt8]? {
        do {
            _ = try new.unwrap(wrapped, for: name)
            return nil
        } catch {
            return try new.wrap(try old.unwrap(wrapped, for: name), for: name)
        }
    }

    /// Wraps all keys of the vault anew, and returns how many there are that neither master key opens: their bytes were changed, and they stay so.
    /// Throws `VaultError.unusableMasterKey` when the old master key is not this vault's.
    /// - Parameters:
    ///   - pool: the vault's database, with its owner's rights.
    ///   - progress: told of data keys done and in all.
    package func run(on pool: ConnectionPool, progress: (_ done: Int, _ total: Int) -> Void) async throws -> Int {
        for row in try await pool.query(.systemKeys) {
            let name: String = try row.get(0)
            guard let wrapped = try rewrapped(try row.get(1), for: name) else { continue }
            try await pool.query(.rewrapSystemKey, [.text(name), .bytes(wrapped)])
        }
        let total = Int(try await pool.query(.countDataKeys).first?.get(0, as: Int64.self) ?? 0)
        var (done, damaged, last) = (0, 0, UUID(high: 0, low: 0))
        while true {
            let rows = try await pool.query(.nextDataKeys, [.uuid(last), .int4(Int32(Self.pageSize))])
            if rows.count == 0 { return damaged }
            var page: (subjects: [UUID], keys: [[UInt8]]) = ([], [])
            for row in rows {
                last = try row.get(0)
                do {
                    guard let wrapped = try rewrapped(try row.get(1), for: last.lowercased) else { continue }
                    page.subjects.append(last)
                    page.keys.append(wrapped)
                } catch VaultError.unusableMasterKey {
                    damaged += 1
                }
            }
            try await pool.query(.rewrapDataKeys, [.uuids(page.subjects), .byteas(page.keys)])
            done += rows.count
            progress(done, total)
        }
    }
}

extension Statement {
    fileprivate static let systemKeys = Statement("vault_system_keys", "SELECT name, wrapped FROM vault.system_keys ORDER BY name")
    fileprivate static let rewrapSystemKey = Statement(
        "vault_rewrap_system_key", "UPDATE vault.system_keys SET wrapped = $2 WHERE name = $1")
    fileprivate static let countDataKeys = Statement("vault_count_data_keys", "SELECT count(*) FROM vault.data_keys WHERE wrapped IS NOT NULL")
    fileprivate static let nextDataKeys = Statement(
        "vault_next_data_keys",
        "SELECT subject, wrapped FROM vault.data_keys WHERE wrapped IS NOT NULL AND subject > $1 ORDER BY subject LIMIT $2")
    fileprivate static let rewrapDataKeys = Statement(
        "vault_rewrap_data_keys",
        """
        UPDATE vault.data_keys AS known SET wrapped = fresh.wrapped FROM unnest($1::uuid[], $2::bytea[]) AS fresh (subject, wrapped)
        WHERE known.subject = fresh.subject AND known.wrapped IS NOT NULL
        """)
}
