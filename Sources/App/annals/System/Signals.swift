import Glibc
import ServiceLifecycle
import Synchronization
import UnixSignals

/// Ctrl-C and SIGTERM from the first moment on. Before the services run they end the start, which leaves no private PostgreSQL behind; then they stop
/// the services.
final class StopSignals: Sendable {
    private let services = Mutex<ServiceGroup?>(nil)

    /// Runs `body`, which calls `run(_:)` when the start is done. Throws a `Failure` when a signal came before that.
    func watch(_ body: @escaping @Sendable () async throws -> Void) async throws {
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await body() }
            group.addTask { [self] in
                for await _ in signals {
                    guard let services = services.withLock({ $0 }) else { throw Failure("stopped before it was ready") }
                    await services.triggerGracefulShutdown()
                }
            }
            try await group.next()
            group.cancelAll()
        }
    }

    /// Runs the services until they are stopped.
    func run(_ group: ServiceGroup) async throws {
        services.withLock { $0 = group }
        try await group.run()
    }
}

/// Makes Ctrl-C and SIGTERM end the process at once with exit code 0. This is the normal end of a command that reads until it is told to stop.
func endWellOnInterrupt() {
    for number in [SIGINT, SIGTERM] { signal(number) { _ in _exit(0) } }
}

/// Runs `body`, and cancels it at Ctrl-C or SIGTERM. It may then still say what is left. A second signal ends the process.
func cancellingOnInterrupt<Value: Sendable>(_ body: @Sendable @escaping () async throws -> Value) async throws -> Value {
    // Heard from before `body` begins.
    let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
    return try await withThrowingTaskGroup(of: Value?.self) { group in
        group.addTask {
            for await _ in signals { break }
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
