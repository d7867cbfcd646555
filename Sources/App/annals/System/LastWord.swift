import ServiceLifecycle

/// Something to do at a graceful stop, after what was started later has stopped.
struct LastWord: Service {
    let body: @Sendable () async -> Void

    func run() async throws {
        do {
            try await gracefulShutdown()
        } catch is CancellationError {
            // Not a graceful stop: there is no time for words.
            return
        }
        await body()
    }
}
