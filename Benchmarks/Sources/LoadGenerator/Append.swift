import ArgumentParser
import EventLog
import EventSourcing

/// Appends with a number of clients, each one task that awaits its own append before it makes the next.
struct Append: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Appends one event at a time from each client and prints the rate as JSON.")

    @OptionGroup var options: LogOptions
    @Option(help: "Tasks that append side by side.") var clients: Int
    @Option(help: "Appends in all, after the warm-up.") var count: Int
    @Option(help: "Appends before the clock starts.") var warmUp = 1_000
    @Flag(help: "Each command has an idempotency key.") var keyed = false
    @Flag(help: "No post takes a slug.") var withoutSlug = false
    @Option(help: "Batches sent and not yet answered.") var batchesInFlight = AppendLimits().batchesInFlight
    @Option(help: "Requests in one batch at most.") var largestBatch = AppendLimits().batchRequests
    @Option(help: "Requests that make a batch worth sending behind another.") var gathered = AppendLimits().gatheredBehindBatch

    func run() async throws {
        let (clients, count, warmUp) = (clients, count, warmUp)
        let post = DraftedPost(isKeyed: keyed, takesSlug: !withoutSlug)
        var limits = AppendLimits()
        limits.batchesInFlight = batchesInFlight
        limits.gatheredBehindBatch = gathered
        limits.batchRequests = largestBatch
        let line = try await MeasuredLog.open(options, limits: limits) { log in
            _ = try await Self.append(post, warmUp, clients: clients, to: log)
            let before = log.store.appendStatistics
            let start = ContinuousClock.now
            let latencies = try await Self.append(post, count, clients: clients, to: log)
            let elapsed = start.duration(to: .now)
            let after = log.store.appendStatistics
            return Measurement(
                latencies: latencies, elapsed: elapsed, batches: after.batches - before.batches, requests: after.requests - before.requests
            ).line
        }
        print(line)
    }

    /// Each client does its share; the times that their appends took.
    private static func append(_ post: DraftedPost, _ count: Int, clients: Int, to log: MeasuredLog) async throws -> [Duration] {
        try await withThrowingTaskGroup(of: [Duration].self) { group in
            for client in 0..<clients {
                let share = count / clients + (client < count % clients ? 1 : 0)
                group.addTask {
                    var latencies: [Duration] = []
                    latencies.reserveCapacity(share)
                    for _ in 0..<share {
                        let start = ContinuousClock.now
                        let outcome = try await log.store.append(post.request())
                        latencies.append(start.duration(to: .now))
                        guard case .appended = outcome else { throw ValidationError("an append was answered with \(outcome)") }
                    }
                    return latencies
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
    }
}
