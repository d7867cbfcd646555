import Postgres
import Publishing
import Testing

@Suite(.timeLimit(.minutes(15))) struct `The role of the query service` {
    private func attempt(_ sql: String) async throws -> SQLState? {
        let history = History()
        try await history.tell(views: 1, of: .number(1))
        return try await withReadDatabase { database in
            try await project(history.store, into: database) { try await $0.caughtUp() }
            do {
                try await database.run("SET ROLE annals_queries; \(sql)")
                return nil
            } catch let error as PostgresError {
                return error.sqlState
            }
        }
    }

    @Test func `reads what projectors have made, and how far they are`() async throws {
        #expect(try await attempt("SELECT * FROM posts.post, users.account, view_counts.total, annals.checkpoints, annals.parked_events") == nil)
    }

    @Test(arguments: [
        "UPDATE view_counts.total SET count = 0", "DELETE FROM annals.checkpoints", "SELECT * FROM annals.read_model_versions",
        "SELECT annals.advance_checkpoint('posts', '', 1, 0, 2, NULL)", "SELECT annals.acquire_lease('posts', 'me')", "SELECT * FROM annals.builds",
        "SELECT annals.swap_build(1, NULL, false)", "DELETE FROM annals.parked_events", "CREATE TABLE posts.mine (a int)", "CREATE SCHEMA mine",
        "CREATE TEMPORARY TABLE mine (a int)", "CREATE TABLE public.mine (a int)",
    ])
    func `has no other right`(sql: String) async throws {
        #expect(try await attempt(sql) == .insufficientPrivilege)
    }
}
