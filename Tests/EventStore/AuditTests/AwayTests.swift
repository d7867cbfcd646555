import EventSourcing
import Postgres
import TestSupport
import Testing

@testable import Audit

@Suite(.timeLimit(.minutes(15))) struct `An audit whose database is away` {
    @Test func `says that it is not available, which HTTP answers with 503`() async throws {
        let away = try await TestCluster.shared.target(database: "nowhere")
        try await ConnectionPool.withPool(away, limits: .patient, logger: TestCluster.logger) { pool in
            let (log, trail) = (MerkleLog(pool), AuditTrail(pool))
            for read in [
                { _ = try await log.checkpoint() }, { _ = try await log.served(Tile(.entries, index: 0)) },
                { _ = try await log.hashes(of: [Tile(.entries, index: 0)]) }, { _ = try await trail.part(TrailFilter()) },
                { try await trail.pages(at: 1...1) { _ in } },
            ] as [@Sendable () async throws -> Void] {
                let error = await #expect(throws: EventStoreError.self) { try await read() }
                guard case .unavailable(let reason)? = error else {
                    Issue.record("\(String(describing: error))")
                    continue
                }
                #expect(reason.contains(#"database "nowhere" does not exist"#))
            }
        }
    }
}
