import Gateway
import Postgres

// The questions of services to the databases that they depend on.

extension Statement {
    static let isAlive = Statement("is_alive", "SELECT 1")

    fileprivate static let waitsForDisk = Statement("waits_for_disk", "SELECT current_setting('fsync') = 'on'")
}

extension Readiness.Check {
    /// Without fsync a crash of the machine may take back what was acknowledged. Read models can be made anew.
    static func durability(of databases: [(name: String, pool: ConnectionPool)]) -> Readiness.Check {
        Readiness.Check("durability") {
            for (name, pool) in databases {
                guard try await pool.query(.waitsForDisk).first?.get(0) == true else { throw ServerWithoutFsync(database: name) }
            }
        }
    }
}

/// A server that does not wait for the disk.
private struct ServerWithoutFsync: Error, CustomStringConvertible {
    let database: String

    var description: String { "fsync is off on the server of the \(database) database" }
}

extension PoolLimits {
    /// The same with so many connections that statements of many callers share.
    func sharing(_ count: Int) -> PoolLimits {
        var limits = self
        limits.multiplexedConnections = count
        return limits
    }
}
