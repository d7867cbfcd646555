import EventLogTesting
import EventSourcing
import EventStoreTesting
import FoundationEssentials
import Postgres
import TestSupport
import Testing
import Vault

@testable import EventLog

@Suite(.timeLimit(.minutes(15))) struct `A batch sent optimistically` {
    /// Few streams and values, so that requests meet; most of them go well, so that optimism is not always refused.
    private struct Pool {
        var random: SeededRandom
        let streams = (0..<12).map { _ in EventStoreContract.stream() }
        var used: Set<StreamName> = []
        var commands: [UUID] = []

        mutating func request() -> SealedRequest {
            let count = Int.random(in: 0..<8, using: &random) == 0 ? 2 : 1
            let streams = (0..<count).map { _ in stream() }
            let appends = Dictionary(streams.map { ($0, append(to: $0)) }, uniquingKeysWith: { first, _ in first }).values
            let repeats = !commands.isEmpty && Int.random(in: 0..<10, using: &random) == 0
            let command = repeats ? commands.randomElement(using: &random) ?? .v7() : .v7()
            commands.append(command)
            return SealedRequest(
                command: .init(id: command, digest: [1]), appends: Array(appends), claims: appends.first.map { claims(of: $0.name) } ?? [],
                metadata: "{}")
        }

        private mutating func stream() -> StreamName {
            let isNew = Int.random(in: 0..<3, using: &random) > 0
            return isNew ? EventStoreContract.stream() : streams[Int.random(in: streams.indices, using: &random)]
        }

        private mutating func append(to stream: StreamName) -> SealedRequest.Append {
            let expected: ExpectedVersion =
                switch Int.random(in: 0..<8, using: &random) {
                case 0: .any
                case 1: .exactly(Int.random(in: 0..<3, using: &random))
                default: .none
                }
            let events = (0..<[1, 1, 1, 2, 0][Int.random(in: 0..<5, using: &random)]).map { _ in
                SealedRequest.Event(id: .v7(), type: "Noted", schemaVersion: 1, data: "{}", fields: "")
            }
            return .init(stream: stream, name: stream.description, expected: expected, events: events)
        }

        private mutating func claims(of holder: String) -> [SealedRequest.Claim] {
            switch Int.random(in: 0..<6, using: &random) {
            case 0...2: [.init(change: .take, kind: "slug", hash: [UInt8.random(in: 0..<40, using: &random)], stream: holder)]
            case 3: [.init(change: .release, kind: "slug", hash: nil, stream: holder)]
            case 4:
                [.init(change: .require, kind: "slug", hash: nil, stream: streams[Int.random(in: streams.indices, using: &random)].description)]
            default: []
            }
        }
    }

    @Test(arguments: (0..<6).map { _ in UInt64.random(in: 0...UInt64.max) })
    func `fails as a whole or leaves what a batch with every look-up leaves`(seed: UInt64) async throws {
        try await LogUnderTest.with { log in
            var pool = Pool(random: SeededRandom(seed: seed))
            try await ConnectionPool.withPool(log.owner, limits: .patient, logger: TestCluster.logger) { database in
                var optimisticBatches = 0
                for _ in 0..<60 {
                    var batch = AppendBatch()
                    for _ in 0..<Int.random(in: 1...6, using: &pool.random) { _ = batch.add(pool.request()) }
                    let careful = try await Self.tried(batch, optimistic: false, in: database)
                    if batch.mayBeOptimistic, let optimistic = try await Self.tried(batch, optimistic: true, in: database) {
                        optimisticBatches += 1
                        #expect(optimistic == careful, "seed \(seed)")
                    }
                    _ = try await database.query(.append, [.bool(false)] + batch.values).outcomes(of: batch.requests)
                }
                #expect(optimisticBatches > 0, "seed \(seed)")
            }
        }
    }

    /// The answer of a batch and the rows it would leave behind, on the log as it is; nil when it fails.
    private static func tried(_ batch: AppendBatch, optimistic: Bool, in database: ConnectionPool) async throws -> [String]? {
        do {
            try await database.withTransaction { transaction in
                let outcomes = try await transaction.query(.append, [.bool(optimistic)] + batch.values).outcomes(of: batch.requests)
                let left = try await transaction.query(.everything).map { try $0.get(0, as: String.self) }
                throw Tried(answers: outcomes.map(Self.undated) + left)
            }
            return nil
        } catch let tried as Tried {
            return tried.answers
        } catch let error as PostgresError {
            let expected = optimistic ? [SQLState.uniqueViolation.rawValue, "AN004"] : []
            #expect(expected.contains(error.sqlState?.rawValue ?? ""), "\(error.debugDescription)")
            return nil
        }
    }

    /// Carries the answers out of a transaction that is rolled back by it.
    private struct Tried: Error {
        let answers: [String]
    }

    private static func undated(_ outcome: AppendOutcome) -> String {
        switch outcome {
        case .appended(let receipt), .alreadyAppended(let receipt):
            "\(receipt.key.id) \(receipt.stream) \(receipt.version) \(receipt.firstPosition ?? 0) \(receipt.lastPosition) \(outcome.appended == nil)"
        case .conflict, .claimTaken, .claimMissing: "\(outcome)"
        }
    }

    @Test func `takes no value that the same batch gives up`() async throws {
        try await LogUnderTest.with { log in
            let slug = ClaimKind(rawValue: "slug")
            let (holder, taker) = (EventStoreContract.stream(), EventStoreContract.stream())
            _ = try await log.store.append(EventStoreContract.request(to: holder, claims: [.take(slug, value: "a")]))
            try await ConnectionPool.withPool(log.owner, limits: .patient, logger: TestCluster.logger) { database in
                var batch = AppendBatch()
                let hash = log.hasher.hash(["slug", "a"])
                for (stream, claim) in [
                    (taker, SealedRequest.Claim(change: .take, kind: "slug", hash: hash, stream: taker.description)),
                    (holder, .init(change: .release, kind: "slug", hash: nil, stream: holder.description)),
                ] {
                    let event = SealedRequest.Event(id: .v7(), type: "Noted", schemaVersion: 1, data: "{}", fields: "")
                    let append = SealedRequest.Append(
                        stream: stream, name: stream.description, expected: stream == taker ? .none : .exactly(1), events: [event])
                    let isTaken = batch.add(SealedRequest(command: .unrepeated(), appends: [append], claims: [claim], metadata: "{}"))
                    #expect(isTaken)
                }
                #expect(batch.mayBeOptimistic)
                let values = batch.values
                await #expect(throws: PostgresError.self) { try await database.query(.append, [.bool(true)] + values) }
                let careful = try await database.query(.append, [.bool(false)] + values).outcomes(of: batch.requests)
                #expect(careful.first == .claimTaken(slug))
                #expect(careful.last?.appended?.version == 2)
            }
        }
    }
}

extension Statement {
    fileprivate static let everything = Statement(
        "everything",
        """
        SELECT concat_ws(' ', position, stream, version, id, type) FROM log.events
        UNION ALL SELECT concat_ws(' ', kind, hash, stream) FROM log.claims
        UNION ALL SELECT concat_ws(' ', id, stream, version, first_position, last_position) FROM log.commands
        ORDER BY 1
        """)
}
