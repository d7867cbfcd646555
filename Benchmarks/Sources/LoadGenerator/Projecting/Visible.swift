import ArgumentParser
import EventLog
import EventSourcing
import FoundationEssentials
import Logging
import Postgres
import Projections
import Publishing

/// How soon an event that was acknowledged is in the read tables, while events come at a steady rate from another store than the projectors read.
struct Visible: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Measures the time from an append's answer to its effect in all read models.")

    @OptionGroup var options: ReadOptions
    @Option(help: "A folder of read models.") var projections: String
    @Option(help: "Appends a second.") var rate = 2_000
    @Option(help: "Seconds.") var seconds: Int

    func run() async throws {
        let (options, projections, rate, seconds) = (options, projections, rate, seconds)
        let line = try await options.withLog { log in
            try await Projectors.run(projections, options, log) { projectors in
                _ = try await projectors.positions.wait(for: log.head(), models: projectors.models, timeout: .seconds(3_600))
                return try await MeasuredLog.open(options.log) { writer in
                    _ = try await Self.measure(rate, seconds: 1, writer, options)
                    return try await Self.measure(rate, seconds: seconds, writer, options)
                }
            }
        }
        print(line)
    }

    private static func measure(_ rate: Int, seconds: Int, _ writer: MeasuredLog, _ options: ReadOptions) async throws -> String {
        let start = ContinuousClock.now
        let head = try await writer.store.head()
        let target = try options.target()
        async let steps = ConnectionPool.withPool(target, logger: Logger(label: "benchmark")) { pool in
            try await watch(pool, until: head + Int64(rate * seconds))
        }
        let answers = try await append(rate * seconds, every: .seconds(1) / rate, to: writer.store)
        let seen = try await steps
        return Measurement(latencies: seen.latencies(after: answers), elapsed: start.duration(to: .now), batches: seen.count, requests: answers.count)
            .line
    }

    /// Each append starts at its time, whether those before are answered or not.
    private static func append(_ count: Int, every interval: Duration, to store: PostgresEventStore) async throws -> [Sighting] {
        let start = ContinuousClock.now
        return try await withThrowingTaskGroup(of: Sighting.self) { group in
            for number in 0..<count {
                let due = start + interval * number
                if due > .now { try await Task.sleep(until: due, clock: .continuous) }
                group.addTask {
                    let outcome = try await store.append(number % 10 == 0 ? DraftedPost(isKeyed: false, takesSlug: false).request() : view())
                    guard case .appended(let receipt) = outcome else { throw ValidationError("an append was answered with \(outcome)") }
                    return Sighting(position: receipt.lastPosition, at: .now)
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
    }

    private static func view() -> AppendRequest {
        let command = CommandReceipt.Key.unrepeated()
        return AppendRequest(
            [StreamAppend([ViewRules.encode(.viewed(count: 1))], to: StreamName(ViewRules.category, .v7()), expecting: .any, sealedFor: nil)],
            claims: [], command: command, metadata: EventMetadata(actor: nil, command: command.id))
    }

    /// Looks at the stored checkpoints all the time: what all read models have.
    private static func watch(_ pool: ConnectionPool, until target: Int64) async throws -> [Sighting] {
        var seen: [Sighting] = []
        while true {
            let position: Int64 = try await pool.query(.lowestCheckpoint)[0].get(0)
            if position > seen.last?.position ?? -1 { seen.append(Sighting(position: position, at: .now)) }
            if position >= target { return seen }
            try await Task.sleep(for: .microseconds(500))
        }
    }
}

extension Statement {
    fileprivate static let lowestCheckpoint = Statement("lowest_checkpoint", "SELECT min(position) FROM annals.checkpoints")
}
