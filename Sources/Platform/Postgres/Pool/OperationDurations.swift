import CoreMetrics
import Synchronization

/// How long statements take from the wait for a connection to the answer, by the statement's name: the metric `db_client_operation_duration_seconds`
/// of OpenTelemetry's conventions.
struct OperationDurations: ~Copyable, Sendable {
    /// Those of this process. Statements' names are written in the program, so they are few.
    static let shared = OperationDurations()

    private let timers = Mutex<[String: Timer]>([:])

    func record(_ statement: Statement, since start: ContinuousClock.Instant) {
        let (seconds, attoseconds) = (ContinuousClock.now - start).components
        timer(of: statement.name).recordNanoseconds(seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
    }

    private func timer(of name: String) -> Timer {
        timers.withLock { timers in
            if let known = timers[name] { return known }
            let timer = Timer(
                label: "db_client_operation_duration_seconds", dimensions: [("db_operation_name", name), ("db_system_name", "postgresql")])
            timers[name] = timer
            return timer
        }
    }
}
