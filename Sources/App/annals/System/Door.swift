import ServiceLifecycle

/// The HTTP server, opened once what it answers from is there: the first answer is as good as any later one.
struct Door<Server: Service>: Service {
    let server: Server
    /// Returns when everything is there, or when waiting longer is no use: `/ready` then says what is missing.
    let prepare: @Sendable () async throws -> Void

    func run() async throws {
        do {
            try await cancelWhenGracefulShutdown(prepare)
        } catch is CancellationError {
            return
        }
        try await server.run()
    }
}
