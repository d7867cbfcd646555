import EventSourcing
import EventStoreTesting
import Testing

@Suite(.timeLimit(.minutes(15))) struct `A log that did what it may not do` {
    /// A round that went well, to be spoilt.
    private static func round() async throws -> Round {
        let (book, memory) = (Book(), InMemoryEventStore())
        try await Load(writers: 8, requestsOfEach: 20).write(by: [memory], seed: 7, into: book)
        return Round(start: 0, calls: book.calls, events: try await memory.read(after: 0, limit: .max))
    }

    @Test func `is not what the round that the others spoil has seen`() async throws {
        let round = try await Self.round()
        #expect(round.faults == [])
        #expect(Set(round.calls.map(\.outcome.name)) == ["appended", "alreadyAppended", "conflict", "claimTaken", "claimMissing"])
    }

    @Test func `is found out when it lost a request`() async throws {
        let round = try await Self.round()
        for run in [round.runs[0], round.runs[round.runs.count / 2], round.runs[round.runs.count - 1]] {
            let left = round.events.filter { $0.metadata.command != run.command.id }
            let spoilt = Round(start: 0, calls: round.calls, events: left.enumerated().map { $1.moved(to: Int64($0) + 1) })
            #expect(spoilt.faults.contains { $0.contains("is lost") })
        }
    }

    @Test func `is found out when it lost a part of a request`() async throws {
        let round = try await Self.round()
        let spoilt = Round(start: 0, calls: round.calls, events: round.events.dropLast())
        #expect(!spoilt.faults.isEmpty)
    }

    @Test func `is found out when it doubled a request`() async throws {
        let round = try await Self.round()
        let run = round.runs[round.runs.count / 2]
        let doubled = run.events.enumerated().map { $1.moved(to: Int64(round.events.count + $0) + 1) }
        #expect(Round(start: 0, calls: round.calls, events: round.events + doubled).faults.contains { $0.contains("is doubled") })
    }

    @Test func `is found out when it has a gap`() async throws {
        let round = try await Self.round()
        let spoilt = Round(start: 0, calls: round.calls, events: round.events.map { $0.position > 9 ? $0.moved(to: $0.position + 1) : $0 })
        #expect(spoilt.faults.contains { $0.contains("follows 9") })
    }

    @Test func `is found out when it kept what it refused`() async throws {
        let round = try await Self.round()
        let calls = round.calls.map { call in
            call.outcome.receipt == nil ? call : call.answered(.claimTaken(Ground.kinds[0]))
        }
        #expect(Round(start: 0, calls: calls, events: round.events).faults.contains { $0.contains("was refused and is there") })
    }

    @Test func `is found out when it refused for a reason that never was`() async throws {
        let round = try await Self.round()
        let index = try #require(round.calls.firstIndex { if case .conflict = $0.outcome { true } else { false } })
        var calls = round.calls
        guard case .conflict(let stream, let actual) = calls[index].outcome else { return }
        // A version that no writer beside it has brought the stream to meanwhile.
        calls[index] = calls[index].answered(.conflict(stream: stream, actual: actual + 1_000_000))
        #expect(Round(start: 0, calls: calls, events: round.events).faults.contains { $0.contains("nothing explains") })
    }

    @Test func `is found out when it took a request that it had to refuse`() async throws {
        let round = try await Self.round()
        let index = try #require(round.calls.firstIndex { if case .appended(let receipt) = $0.outcome { receipt.version > 1 } else { false } })
        let request = round.calls[index].request
        let first = StreamAppend(request.appends[0].events, to: request.appends[0].stream, expecting: .exactly(999), sealedFor: nil)
        let wrong = AppendRequest(
            [first] + request.appends.dropFirst(), claims: request.claims, command: request.command, metadata: request.metadata)
        // Each call of the command: it may have been sent twice, and the repeat answered first.
        let calls = round.calls.map { $0.request.command == request.command ? $0.asked(wrong) : $0 }
        #expect(Round(start: 0, calls: calls, events: round.events).faults.contains { $0.contains("should have got") })
    }

    @Test func `is found out when it put a request before one that was answered earlier`() async throws {
        let round = try await Self.round()
        let last = round.calls.map(\.returned).max() ?? 0
        let run = round.runs[0]
        // Asked after everything else was answered, and yet the first in the log.
        let calls = round.calls.map { $0.request.command.id == run.command.id ? $0.between(last + 1, last + 2) : $0 }
        #expect(Round(start: 0, calls: calls, events: round.events).faults.contains { $0.contains("before what was answered") })
    }
}

extension Call {
    fileprivate func answered(_ outcome: AppendOutcome) -> Call {
        Call(request: request, called: called, returned: returned, outcome: outcome, tries: tries, isOrphaned: isOrphaned)
    }

    fileprivate func asked(_ request: AppendRequest) -> Call {
        Call(request: request, called: called, returned: returned, outcome: outcome, tries: tries, isOrphaned: isOrphaned)
    }

    fileprivate func between(_ called: Int, _ returned: Int) -> Call {
        Call(request: request, called: called, returned: returned, outcome: outcome, tries: tries, isOrphaned: isOrphaned)
    }
}

extension AppendOutcome {
    fileprivate var name: String {
        switch self {
        case .appended: "appended"
        case .alreadyAppended: "alreadyAppended"
        case .conflict: "conflict"
        case .claimTaken: "claimTaken"
        case .claimMissing: "claimMissing"
        }
    }
}

extension RecordedEvent {
    fileprivate func moved(to position: Int64) -> RecordedEvent {
        RecordedEvent(
            position: position, stream: stream, version: version, id: id, type: type, schemaVersion: schemaVersion, data: data, metadata: metadata,
            recordedAt: recordedAt)
    }
}
