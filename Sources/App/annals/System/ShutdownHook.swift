import ServiceLifecycle

/// Something to do at a graceful stop, after the services that were started later have stopped.
struct ShutdownHook: Service {
    let body: @Sendable () async -> Void

    func run() async throws {
        do {
            try await gracefulShutdown()
        } catch is CancellationError {
            // Not a graceful stop: the process ends at once.
            return
        }
        await body()
    }
}
