import EventLog
import Logging
import Postgres
import QueryService

/// The connections of one process. Each service reaches each database with its own rights and no others.
struct Pools {
    let commandsLog, appends, commandsVault: ConnectionPool
    let projectorLog, projectorVault, leases: ConnectionPool
    let authLog, authVault, identity: ConnectionPool
    let read: ReadPools

    init(_ databases: Databases, limits: PoolLimits, logger: Logger) {
        func pool(_ target: ConnectionTarget, as role: String, multiplexed: Int = 2) -> ConnectionPool {
            var limits = limits
            limits.multiplexedConnections = multiplexed
            return ConnectionPool(target.acting(as: role), limits: limits, logger: logger)
        }
        commandsLog = pool(databases.log, as: "annals_commands", multiplexed: 4)
        appends = ConnectionPool(databases.log.acting(as: "annals_commands"), limits: .appends(limits), logger: logger)
        commandsVault = pool(databases.vault, as: "annals_commands")
        projectorLog = pool(databases.log, as: "annals_projector")
        projectorVault = pool(databases.vault, as: "annals_projector")
        leases = pool(databases.readDirect, as: "annals_projector", multiplexed: 1)
        authLog = pool(databases.log, as: "annals_auth")
        authVault = pool(databases.vault, as: "annals_auth")
        identity = pool(databases.identity, as: "annals_auth")
        read = ReadPools { pool(databases.read, as: "annals_queries", multiplexed: $0) }
    }

    var all: [ConnectionPool] {
        [commandsLog, appends, commandsVault, projectorLog, projectorVault, leases, authLog, authVault, identity] + read.all
    }
}
