import AppendLines
import EventLog
import EventLogTesting
import EventSourcing
import Foundation
import Postgres
import Synchronization

/// A process that appends for a test, so that the test can kill it: requests come in line by line, and answers go out as they are known, in any
/// order.
///
///     FaultWriter "host=… port=… user=… dbname=…" <name of its connections>
@main
struct FaultWriter {
    static func main() async throws {
        guard CommandLine.arguments.count == 3 else {
            FileHandle.standardError.write(Data("usage: FaultWriter <database> <name>\n".utf8))
            exit(2)
        }
        var log = try ConnectionTarget(url: CommandLine.arguments[1])
        log.applicationName = CommandLine.arguments[2]
        let answers = Answers()
        try await PostgresEventStore.running(on: log, Noted.catalog) { store in
            try await withThrowingDiscardingTaskGroup { group in
                for await line in requests() {
                    let line = try RequestLine(line)
                    group.addTask { try answers.write(AnswerLine(number: line.number, answer: await answer(line.request, of: store))) }
                }
            }
        }
    }

    private static func answer(_ request: AppendRequest, of store: PostgresEventStore) async -> AnswerLine.Answer {
        do {
            return .outcome(try await store.append(request))
        } catch EventStoreError.unavailable(let reason) {
            return .unavailable(reason: reason)
        } catch EventStoreError.outcomeUnknown {
            return .unavailable(reason: "the outcome is unknown")
        } catch {
            return .failed(reason: "\(error)")
        }
    }

    /// The lines of standard input. Its end means that the test is gone, in whatever way: so is this process then, whatever it is doing.
    private static func requests() -> AsyncStream<String> {
        AsyncStream { requests in
            Thread.detachNewThread {
                while let line = readLine() { requests.yield(line) }
                _exit(0)
            }
        }
    }
}

/// Standard output, one whole line at a time.
private final class Answers: Sendable {
    private let lock = Mutex(())

    func write(_ line: AnswerLine) throws {
        let bytes = Data((try line.text() + "\n").utf8)
        try lock.withLock { _ in try FileHandle.standardOutput.write(contentsOf: bytes) }
    }
}
