import EventLog
import EventLogTesting
import EventSourcing
import EventStoreTesting
import Testing

@Suite(.timeLimit(.minutes(15))) struct `A log whose clock has gone back` {
    /// Runs `body` on a log whose only event is two hours ahead of the clock.
    private func withClockBehind(_ body: @Sendable @escaping (LogUnderTest) async throws -> Void) async throws {
        try await LogUnderTest.with { log in
            _ = try await log.store.append(EventStoreContract.request(to: EventStoreContract.stream()))
            try await log.run(
                "ALTER TABLE log.events DISABLE TRIGGER ALL; UPDATE log.events SET recorded_at = clock_timestamp() + interval '2 hours 1 second'")
            try await body(log)
        }
    }

    @Test func `dates new events like the last one, and says so`() async throws {
        try await withClockBehind { log in
            #expect(log.store.appendStatistics.clockLag == .zero)
            _ = try await log.store.append(EventStoreContract.request(to: EventStoreContract.stream()))
            #expect(Set(try await log.store.read(after: 0, limit: 9).map(\.recordedAt)).count == 1)
            #expect((Duration.seconds(3600)...(.seconds(7201))).contains(log.store.appendStatistics.clockLag))
        }
    }

    @Test func `is told when asked whether its clock is right, until the clock has caught up`() async throws {
        try await withClockBehind { log in
            let error = await #expect(throws: ClockBehindLog.self) { try await log.store.confirmClock() }
            #expect(error.map { (Duration.seconds(3600)...(.seconds(7201))).contains($0.lag) } == true)
            try await log.run("UPDATE log.events SET recorded_at = clock_timestamp()")
            try await log.store.confirmClock()
            _ = try await log.store.append(EventStoreContract.request(to: EventStoreContract.stream()))
            #expect(log.store.appendStatistics.clockLag == .zero)
        }
    }
}
