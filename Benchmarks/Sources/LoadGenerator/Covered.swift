import ArgumentParser
import Audit
import EventLog
import EventSourcing
import Logging

/// How soon an event that was acknowledged is covered by a signed checkpoint, while clients append as fast as they can through another store than the
/// follower reads.
struct Covered: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Measures the time from an append's answer to a signed checkpoint that covers it.")

    @OptionGroup var options: LogOptions
    @Option(help: "The file of the signing key, made when it is not there.") var key: String
    @Option(help: "Tasks that append side by side.") var clients = 64
    @Option(help: "Seconds.") var seconds: Int

    func run() async throws {
        let (options, clients, seconds) = (options, clients, seconds)
        let file = AuditKeyFile(key)
        let signer = try file.open(origin: nil)
        let line = try await MeasuredLog.open(options) { log in
            let follower = MerkleFollower(
                log.pool, wokenBy: log.store, signer: signer, file: file.lastCheckpoint, logger: Logger(label: "benchmark"))
            let measured = try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await follower.run() }
                defer { group.cancelAll() }
                _ = try await Self.watch(follower, from: log.store.head()) { true }
                return try await MeasuredLog.open(options) { writer in
                    try await Self.measure(follower, writer.store, clients: clients, seconds: seconds)
                }
            }
            // The next run need not wait for the lease to end.
            await follower.release()
            return measured
        }
        print(line)
    }

    private static func measure(_ follower: MerkleFollower, _ store: PostgresEventStore, clients: Int, seconds: Int) async throws -> String {
        let start = ContinuousClock.now
        let end = start + .seconds(seconds)
        async let checkpoints = watch(follower, from: store.head()) { ContinuousClock.now >= end }
        let answers = try await withThrowingTaskGroup(of: [Sighting].self) { group in
            for _ in 0..<clients { group.addTask { try await append(to: store, until: end) } }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        let elapsed = start.duration(to: .now)
        var seen = try await checkpoints
        // Those that were under way at the end.
        seen += try await watch(follower, from: store.head()) { true }
        return Measurement(latencies: seen.latencies(after: answers), elapsed: elapsed, batches: seen.count, requests: answers.count).line
    }

    private static func append(to store: PostgresEventStore, until end: ContinuousClock.Instant) async throws -> [Sighting] {
        let post = DraftedPost(isKeyed: false, takesSlug: true)
        var answers: [Sighting] = []
        while ContinuousClock.now < end {
            let outcome = try await store.append(post.request())
            guard case .appended(let receipt) = outcome else { throw ValidationError("an append was answered with \(outcome)") }
            answers.append(Sighting(position: receipt.lastPosition, at: .now))
        }
        return answers
    }

    /// Every checkpoint that is signed, until one covers `head` and it is time to stop.
    private static func watch(_ follower: MerkleFollower, from head: Int64, isOver: @Sendable () -> Bool) async throws -> [Sighting] {
        var seen: [Sighting] = []
        while true {
            try follower.confirmRunning()
            if case .following(let signed) = follower.status, signed > seen.last?.position ?? -1 { seen.append(Sighting(position: signed, at: .now)) }
            if let last = seen.last, last.position >= head, isOver() { return seen }
            try await Task.sleep(for: .milliseconds(1))
        }
    }
}
