import Audit
import AuthService
import EventLog
import Gateway
import Postgres
import Projections
import QueryService

extension AnnalsSystem {
    /// The checks of `/ready`.
    func readiness(_ pools: Pools, log: PostgresEventStore, accounts: AccountFollower, merkle: MerkleFollower) -> Readiness {
        let alive = Statement("is_alive", "SELECT 1")
        return Readiness(
            checks: [
                // Each answers, and takes writes where the last one did not succeed.
                Readiness.Check("log") {
                    _ = try await log.head()
                    try await pools.appends.confirmWrites()
                },
                Readiness.Check("read") {
                    try await pools.read.shared.query(alive)
                    try await pools.leases.confirmWrites()
                },
                Readiness.Check("identity") {
                    try await pools.identity.query(alive)
                    try await pools.identity.confirmWrites()
                },
                Readiness.Check("vault") {
                    try await pools.commandsVault.query(alive)
                    try await pools.commandsVault.confirmWrites()
                },
                // Without fsync a crash of the machine may take back what was acknowledged. Read models can be made anew.
                Readiness.Check("durability") {
                    for (name, pool) in [("log", pools.commandsLog), ("identity", pools.identity), ("vault", pools.commandsVault)] {
                        guard try await pool.query(.waitsForDisk).first?.get(0) == true else { throw ServerWithoutFsync(database: name) }
                    }
                },
                Readiness.Check("clock", isRequired: false) { try await log.confirmClock() },
                // While they are behind the log no token is accepted.
                Readiness.Check("accounts") { try await accounts.confirmLevel() },
                // Requests are served without it. The operator decides what to do about a log that can't be signed any more.
                Readiness.Check("audit", isRequired: false) { try merkle.confirmRunning() },
            ],
            projections: {
                let head = try await log.head()
                // Asked anew: at a start the last poll may be from before the leases were taken.
                return try await ReadModelStatus.readAll(from: pools.read.shared).map {
                    Readiness.Projection(
                        name: $0.model, position: $0.position, lag: max(0, head - $0.position), state: $0.state.rawValue, parked: $0.parkedStreams)
                }
            }, logger: logger)
    }
}

/// A server that does not wait for the disk.
private struct ServerWithoutFsync: Error, CustomStringConvertible {
    let database: String

    var description: String { "fsync is off on the server of the \(database) database" }
}

extension Statement {
    fileprivate static let waitsForDisk = Statement("waits_for_disk", "SELECT current_setting('fsync') = 'on'")
}
