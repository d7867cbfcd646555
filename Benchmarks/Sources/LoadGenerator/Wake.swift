import ArgumentParser
import EventLog
import EventSourcing

/// How soon a reader in another process has what was appended: two logs that share nothing but the database.
struct Wake: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Measures the time from an append's answer to its event at a reader.")

    @OptionGroup var options: LogOptions
    @Option(help: "Appends, one after the other.") var count = 2_000

    func run() async throws {
        let (options, count) = (options, count)
        let line = try await MeasuredLog.open(options) { writer in
            try await MeasuredLog.open(options) { reader in
                try await Self.measure(count, from: writer, to: reader)
            }
        }
        print(line)
    }

    /// The reader reports on a stream when it had each event; the writer waits for that before the next append.
    private static func measure(_ count: Int, from writer: MeasuredLog, to reader: MeasuredLog) async throws -> String {
        let post = DraftedPost(isKeyed: false, takesSlug: true)
        let head = try await reader.store.head()
        let (seen, report) = AsyncStream.makeStream(of: ContinuousClock.Instant.self)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for try await page in reader.store.subscribe(after: head) { for _ in page { report.yield(.now) } }
            }
            defer { group.cancelAll() }
            var arrivals = seen.makeAsyncIterator()
            var delays: [Duration] = []
            let start = ContinuousClock.now
            for _ in 0..<count {
                _ = try await writer.store.append(post.request())
                let answered = ContinuousClock.now
                guard let arrival = await arrivals.next() else { break }
                delays.append(answered.duration(to: arrival))
            }
            return Measurement(latencies: delays, elapsed: start.duration(to: .now), batches: count, requests: count).line
        }
    }
}
