import Testing

@testable import Postgres

@Suite struct `A pipeline whose backend dies` {
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
