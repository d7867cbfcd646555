import EventSourcing
package import Logging
import Postgres

extension KeyVault {
    /// Looks every second for the keys that other processes have destroyed, and drops them from memory. Runs until cancelled.
    ///
    /// While the vault is away nothing is noticed; what is in memory then ends a minute after it was read.
    package func followDestructions(logger: Logger) async throws {
        var isTold = false
        while true {
            do {
                for row in try await query(.recentlyDestroyed, []) { forget(try row.get(0)) }
                isTold = false
            } catch let error as EventStoreError {
                if !isTold { logger.notice("the vault does not say which keys are destroyed", metadata: ["reason": "\(error)"]) }
                isTold = true
            }
            try await Task.sleep(for: .seconds(1))
        }
    }
}

extension Statement {
    // Twice as far back as a key stays in memory, by the vault's own clock.
    fileprivate static let recentlyDestroyed = Statement(
        "vault_recently_destroyed",
        "SELECT subject FROM vault.data_keys WHERE destroyed_at > now() - interval '2 minutes'")
}
