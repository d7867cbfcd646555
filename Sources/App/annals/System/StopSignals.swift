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
