import Testing

@testable import Postgres

@Suite(.timeLimit(.minutes(15))) struct `A pipeline whose backend dies` {
    @Test func `still answers the caller whose query had its result but whose sync had not`() async throws {
        let outcome = await withUnsafeContinuation { (continuation: UnsafeContinuation<Result<QueryResult, PostgresError>, Never>) in
            var pipeline = Pipeline()
            pipeline.append(.prepare(serverName: "s1"))
            pipeline.append(.sync(.one(continuation), token: 1))
            // All that comes before the sync has ended.
            let prepared = pipeline.fail(nil)
            #expect(prepared == "s1")
            let hasEnded = pipeline.endHead()
            #expect(hasEnded)
            // The backend's last words, then nothing more.
            let lost = pipeline.fail(PostgresError(.server(.adminShutdown), "terminating", outcomeUnknown: true))
            #expect(lost == nil)
            while pipeline.endHead() {}
            let deliveries = pipeline.endAll(PostgresError(.connection, "lost", outcomeUnknown: true))
            #expect(deliveries.count == 1)
            guard let delivery = deliveries.first else { return continuation.resume(returning: .failure(PostgresError(.connection, "forgotten"))) }
            delivery.deliver()
        }
        let error = #expect(throws: PostgresError.self) { try outcome.get() }
        #expect(error?.kind == .server(.adminShutdown) && error?.outcomeUnknown == true)
    }
}

@Suite(.timeLimit(.minutes(15))) struct `A query whose statement the one before it could not prepare` {
    @Test func `fails for the same reason`() async throws {
        let outcome = await withUnsafeContinuation { (continuation: UnsafeContinuation<Result<QueryResult, PostgresError>, Never>) in
            var pipeline = Pipeline()
            let first = [Step.prepare(serverName: "s1"), .query(statementName: "q"), .sync(.abandoned, token: 1)]
            for step in first + [.query(statementName: "q"), .sync(.one(continuation), token: 2)] { pipeline.append(step) }
            // The first is cancelled while it waits for a lock, and its group is skipped.
            _ = pipeline.fail(PostgresError(.deadline, "canceling statement due to statement timeout"))
            while case .prepare? = pipeline.steps.first { _ = pipeline.endHead() }
            _ = pipeline.fail(nil)
            while case .query? = pipeline.steps.first { _ = pipeline.endHead() }
            if pipeline.endGroup().delivery != nil { Issue.record("nobody waits for the first") }
            _ = pipeline.fail(PostgresError(.server(.invalidStatementName), "prepared statement does not exist"))
            while case .query? = pipeline.steps.first { _ = pipeline.endHead() }
            pipeline.endGroup().delivery?.deliver()
        }
        let error = #expect(throws: PostgresError.self) { try outcome.get() }
        #expect(error?.kind == .deadline)
    }
}
