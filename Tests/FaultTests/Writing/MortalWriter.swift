import EventSourcing
import Postgres
import Synchronization

/// A writer process that is killed now and then; another takes its place at once.
final class MortalWriter: Writer {
    private let log: ConnectionTarget
    private let name: String
    private let current: Mutex<WriterProcess>

    init(on log: ConnectionTarget, name: String) throws {
        self.log = log
        self.name = name
        current = Mutex(try WriterProcess(on: log, name: name))
    }

    func append(_ request: AppendRequest) async throws -> AppendOutcome { try await process.append(request) }

    /// kill -9, with another process there for whoever asks again.
    func restart() async throws {
        let next = try WriterProcess(on: log, name: name)
        let killed = current.withLock { current in
            defer { current = next }
            return current
        }
        await killed.kill()
    }

    func end() async { await process.end() }

    private var process: WriterProcess { current.withLock { $0 } }
}
