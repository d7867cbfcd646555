import EventLog
import EventLogTesting
import EventSourcing
import EventStoreTesting
import FoundationEssentials
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(15))) struct `Many writers at once` {
    @Test func `a reader that follows sees every position once, in the order of a later full read`() async throws {
        try await LogUnderTest.with { log in
            try await log.another { other in
                let total = 64 * 20
                let followed = try await withThrowingTaskGroup(of: [RecordedEvent].self) { group in
                    group.addTask {
                        var seen: [RecordedEvent] = []
                        for try await page in log.store.subscribe(after: 0, pageSize: 37) {
                            seen += page
                            if seen.count >= total { break }
                        }
                        return seen
                    }
                    for writer in 0..<64 {
                        // Half of them in another process: order must hold across both.
                        let store = writer.isMultiple(of: 2) ? log.store : other.store
                        group.addTask {
                            for _ in 0..<20 {
                                _ = try await store.append(EventStoreContract.request(to: EventStoreContract.stream(), expecting: .none))
                            }
                            return []
                        }
                    }
                    return try await group.reduce([], +)
                }
                #expect(followed.map(\.position) == Array(1...Int64(total)))
                var read: [RecordedEvent] = []
                while case let page = try await log.store.read(after: Int64(read.count), limit: 500), !page.isEmpty { read += page }
                #expect(read == followed)
                #expect(zip(read, read.dropFirst()).allSatisfy { $0.recordedAt <= $1.recordedAt })
            }
        }
    }

    @Test func `of sixty-four that take one value, one gets it`() async throws {
        try await LogUnderTest.with { log in
            let slug = ClaimKind(rawValue: "slug")
            let outcomes = try await EventStoreContract.outcomes(
                of: (0..<64).map { _ in EventStoreContract.request(to: EventStoreContract.stream(), claims: [.take(slug, value: "the-one")]) },
                in: log.store)
            #expect(outcomes.filter { $0.appended != nil }.count == 1)
            #expect(outcomes.filter { $0 == .claimTaken(slug) }.count == 63)
            #expect(try await log.store.head() == 1)
        }
    }

    @Test func `one request that the database refuses fails alone`() async throws {
        try await LogUnderTest.with { log async throws in
            let outcomes = await withTaskGroup(of: Bool.self) { group in
                for number in 0..<32 {
                    // PostgreSQL's jsonb can't hold U+0000: the whole batch is refused, then sent singly.
                    let text = number == 7 ? "bad \u{0}" : "good"
                    group.addTask {
                        do {
                            _ = try await log.store.append(EventStoreContract.request([text], to: EventStoreContract.stream()))
                            return true
                        } catch {
                            return false
                        }
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(outcomes.filter { $0 }.count == 31)
            let head = try await log.store.head()
            #expect(head == 31)
        }
    }

    @Test func `a full queue refuses at once instead of growing`() async throws {
        var limits = AppendLimits()
        limits.waitingRequests = 4
        limits.batchRequests = 1
        try await LogUnderTest.with(limits: limits) { log async throws in
            let refused = try await withThrowingTaskGroup(of: Bool.self) { group in
                // Nothing can be appended yet, so the queue fills however slowly the writers begin.
                let isFirstRefused = try await AppendLock.held(in: log.owner) { _ in
                    for _ in 0..<64 {
                        group.addTask {
                            do {
                                _ = try await log.store.append(EventStoreContract.request(to: EventStoreContract.stream()))
                                return false
                            } catch EventStoreError.unavailable {
                                return true
                            }
                        }
                    }
                    return try await group.next() ?? false
                }
                return try await group.reduce(into: isFirstRefused ? 1 : 0) { $0 += $1 ? 1 : 0 }
            }
            #expect(refused > 0)
            let head = try await log.store.head()
            #expect(head == Int64(64 - refused))
        }
    }

    @Test func `lost connections lose and double nothing`() async throws {
        var limits = AppendLimits()
        // One batch may lose every connection that is ended.
        limits.retryFor = patience
        try await LogUnderTest.with(limits: limits) { log in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<16 {
                    group.addTask {
                        for _ in 0..<20 {
                            let outcome = try await log.store.append(EventStoreContract.request(to: EventStoreContract.stream(), expecting: .none))
                            switch outcome {
                            case .appended, .alreadyAppended: break
                            case .conflict, .claimTaken, .claimMissing: Issue.record("\(outcome)")
                            }
                        }
                    }
                }
                group.addTask {
                    for _ in 0..<10 {
                        try await log.run(
                            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
                    }
                }
                try await group.waitForAll()
            }
            // A connection that was ended last may be found out only now.
            try await eventually {
                do { return try await log.store.head() == 320 } catch EventStoreError.unavailable { return false }
            }
            #expect(try await log.value("SELECT count(DISTINCT stream) FROM log.events") == "320")
        }
    }
}
