import EventLogTesting
import EventSourcing
import EventStoreTesting
import Postgres
import TestSupport
import Testing

@testable import EventLog

/// Commands that no caller names, so that only a lost connection has them sent again.
@Suite(.timeLimit(.minutes(15))) struct `A command without a name` {
    private static func request(
        to stream: StreamName, expecting expected: ExpectedVersion, events: Int = 1, alongside other: StreamName? = nil,
        command: CommandReceipt.Key = .unrepeated()
    ) -> SealedRequest {
        func append(_ stream: StreamName, _ expected: ExpectedVersion, _ count: Int) -> SealedRequest.Append {
            let events = (0..<count).map { _ in SealedRequest.Event(id: .v7(), type: "Noted", schemaVersion: 1, data: "{}", fields: "") }
            return SealedRequest.Append(stream: stream, name: stream.description, expected: expected, events: events)
        }
        let appends = [append(stream, expected, events)] + (other.map { [append($0, .none, 1)] } ?? [])
        return SealedRequest(command: command, appends: appends, claims: [], metadata: "{}")
    }

    private static func send(_ requests: [SealedRequest], optimistic: Bool = false, to database: ConnectionPool) async throws -> [AppendOutcome] {
        var batch = AppendBatch()
        for request in requests {
            let isTaken = batch.add(request)
            #expect(isTaken)
        }
        return try await database.query(.append, [.bool(optimistic)] + batch.values).outcomes(of: requests)
    }

    private static func receipts(in database: ConnectionPool) async throws -> Int {
        try await database.query(Statement("receipts", "SELECT count(*) FROM log.commands"))[0].get(0)
    }

    @Test func `leaves no receipt, and is known by its events when it is sent again`() async throws {
        try await LogUnderTest.with { log in
            try await ConnectionPool.withPool(log.owner, limits: .patient, logger: TestCluster.logger) { database in
                let (old, new) = (EventStoreContract.stream(), EventStoreContract.stream())
                _ = try await Self.send([Self.request(to: old, expecting: .none, events: 2)], optimistic: true, to: database)
                let requests = [
                    Self.request(to: old, expecting: .exactly(2), events: 2, alongside: EventStoreContract.stream()),
                    Self.request(to: new, expecting: .none),
                ]
                let first = try await Self.send(requests, optimistic: true, to: database)
                #expect(try await Self.receipts(in: database) == 0)
                // Others' events behind it change nothing.
                _ = try await Self.send([Self.request(to: new, expecting: .exactly(1))], to: database)
                let fresh = Self.request(to: EventStoreContract.stream(), expecting: .none)
                let again = try await Self.send(requests + [fresh], to: database)
                #expect(Array(again.prefix(2)) == first.map { $0.appended.map(AppendOutcome.alreadyAppended) ?? $0 })
                #expect(again.last?.appended?.firstPosition == 8)
                let head = try await log.store.head()
                #expect(head == 8)
            }
        }
    }

    @Test func `is a conflict where another one's events are`() async throws {
        try await LogUnderTest.with { log in
            try await ConnectionPool.withPool(log.owner, limits: .patient, logger: TestCluster.logger) { database in
                let stream = EventStoreContract.stream()
                let command = CommandReceipt.Key.unrepeated()
                _ = try await Self.send([Self.request(to: stream, expecting: .none, command: command)], to: database)
                // Decided anew, as after a lost race: the same command has other events.
                let outcomes = try await Self.send([Self.request(to: stream, expecting: .none, command: command)], to: database)
                #expect(outcomes == [.conflict(stream: stream, actual: 1)])
            }
        }
    }

    @Test func `has a receipt where its events can't tell of it`() async throws {
        try await LogUnderTest.with { log in
            try await ConnectionPool.withPool(log.owner, limits: .patient, logger: TestCluster.logger) { database in
                let requests = [
                    Self.request(to: EventStoreContract.stream(), expecting: .any),
                    Self.request(to: EventStoreContract.stream(), expecting: .none, events: 0),
                    Self.request(to: EventStoreContract.stream(), expecting: .none, events: 0, alongside: EventStoreContract.stream()),
                ]
                let first = try await Self.send(requests, to: database)
                #expect(try await Self.receipts(in: database) == 3)
                let again = try await Self.send(requests, to: database)
                #expect(again == first.map { $0.appended.map(AppendOutcome.alreadyAppended) ?? $0 })
            }
        }
    }
}
