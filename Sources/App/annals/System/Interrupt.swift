import Glibc
import UnixSignals

/// Makes Ctrl-C and SIGTERM end the process at once with exit code 0. This is the normal end of a command that reads until it is told to stop.
func endWellOnInterrupt() {
    for number in [SIGINT, SIGTERM] { signal(number) { _ in _exit(0) } }
}

/// Runs `body`, and cancels it at Ctrl-C or SIGTERM. It may then still say what is left. A second signal ends the process.
func cancellingOnInterrupt<Value: Sendable>(_ body: @Sendable @escaping () async throws -> Value) async throws -> Value {
    try await withThrowingTaskGroup(of: Value?.self) { group in
        group.addTask {
            for await _ in await UnixSignalsSequence(trapping: .sigint, .sigterm) { break }
            for number in [SIGINT, SIGTERM] { signal(number, SIG_DFL) }
            return nil
        }
        group.addTask { try await body() }
        let first = try await group.next() ?? nil
        group.cancelAll()
        if let first { return first }
        guard let value = try await group.next() ?? nil else { throw CancellationError() }
        return value
    }
}
