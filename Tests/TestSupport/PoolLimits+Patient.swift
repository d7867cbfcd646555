package import Postgres

extension PoolLimits {
    /// For what tests do besides their subject: a machine that runs many of them at once is slow, and that is nobody's fault.
    package static var patient: PoolLimits {
        var limits = PoolLimits()
        limits.connectTimeout = .seconds(60)
        limits.acquireTimeout = .seconds(60)
        limits.statementTimeout = patience
        return limits
    }
}
