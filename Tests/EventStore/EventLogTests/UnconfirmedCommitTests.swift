import EventLog
import EventLogTesting
import EventSourcing
import EventStoreTesting
import TestSupport
import Testing

/// An operator who finds a commit hanging may cancel its wait for the standby. Then the event is in the log for all to see, and on one disk only.
@Suite(.timeLimit(.minutes(5))) struct `An append whose wait for the standby was cancelled` {
    @Test func `is acknowledged only once the standbys have it, by whatever way`() async throws {
        try await RestartableServer.with { server in
            try await LogUnderTest.open(EventStoreContract.catalog, on: server) { log in
                let request = EventStoreContract.request(to: EventStoreContract.stream())
                try await server.requireStandby(true)
                let outcome = try await withThrowingTaskGroup(of: AppendOutcome.self) { group in
                    group.addTask { try await log.store.append(request) }
                    try await server.waitForCommits()
                    #expect(try await log.value("SELECT count(*) FROM log.events") == "0")
                    try await server.cancelCommits()
                    try await eventually { try await log.value("SELECT count(*) FROM log.events") == "1" }
                    // The store has asked again, and the answer waits.
                    try await server.waitForCommits()
                    try await server.requireStandby(false)
                    return try await group.next()
                }
                #expect(outcome?.appended?.lastPosition == 1)
                #expect(try await log.store.head() == 1)
            }
        }
    }

    @Test func `has an unknown outcome when its time is up, and is not called a success to whoever repeats it`() async throws {
        var limits = AppendLimits()
        limits.retryFor = .zero
        try await RestartableServer.with { server in
            try await LogUnderTest.open(EventStoreContract.catalog, on: server, limits: limits) { log in
                let request = EventStoreContract.request(to: EventStoreContract.stream())
                try await server.requireStandby(true)
                try await withThrowingTaskGroup(of: Bool.self) { group in
                    group.addTask { try await log.losesOutcome(of: request) }
                    try await server.waitForCommits()
                    try await server.cancelCommits()
                    #expect(try await group.next() == true)
                }
                // A handler looks the command up before it decides. That look finds the receipt, and is an answer only with the standby's word.
                let (stream, command) = (request.appends[0].stream, request.command.id)
                let receipt = try await withThrowingTaskGroup(of: CommandReceipt?.self) { group in
                    group.addTask { try await log.store.load(stream, command: command).receipt }
                    try await server.waitForCommits()
                    // A reader without a command id waits for nothing.
                    #expect(try await log.store.load(stream).events.count == 1)
                    try await server.requireStandby(false)
                    return try await group.next() ?? nil
                }
                #expect(receipt?.lastPosition == 1)
                #expect(try await log.store.head() == 1)
            }
        }
    }
}
