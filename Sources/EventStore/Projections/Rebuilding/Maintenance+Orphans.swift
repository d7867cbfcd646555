import EventSourcing
import Postgres

extension Maintenance {
    /// Removes a read model whose folder is gone: its tables, those kept from before, what is parked, its checkpoint and its stored SQL. All of it or
    /// nothing.
    ///
    /// Refused while a projector keeps it current, and when a statement of those who read works with its tables.
    package func dropOrphaned(_ model: String) async throws {
        try await exclusively(model) { keeper, live in
            do {
                try await keeper.withTransaction { session in try await drop(model, build: live.build, in: session) }
            } catch let error as PostgresError where error.isCollision {
                throw MaintenanceError.tablesInUse(model)
            }
        }
    }

    private func drop(_ model: String, build: Int64, in session: Session) async throws {
        try await session.execute(script: "SET LOCAL lock_timeout = '5s'")
        try await session.query(.lockSwaps)
        guard try await ProjectionCheckpoint.lockUnattended(model, in: session) else { throw MaintenanceError.attended(model) }
        let check = ReaderCheck(model: model, readers: readers)
        let before = try await check.findings("before", in: session)
        try await session.query(.dropBuilds, [.text(model)])
        try await session.execute(script: "DROP SCHEMA \"\(model)\" CASCADE")
        try await session.query(.dropParked, [.int8(build)])
        try await ProjectionCheckpoint.delete(model, in: session)
        try await session.query(.dropVersions, [.text(model)])
        try await check.compare(before, try await check.findings("after", in: session), in: session)
    }
}

extension Statement {
    fileprivate static let dropBuilds = Statement("drop_builds", "SELECT annals.drop_build(build) FROM annals.builds WHERE model = $1")
    fileprivate static let dropParked = Statement("drop_parked", "DELETE FROM annals.parked_events WHERE build = $1")
    fileprivate static let dropVersions = Statement("drop_versions", "DELETE FROM annals.read_model_versions WHERE model = $1")
}
