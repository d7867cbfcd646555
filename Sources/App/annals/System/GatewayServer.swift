import ServiceLifecycle

/// The HTTP server. It opens once its answers have something to come from, so that the first one is as good as any later one.
struct GatewayServer<Server: Service>: Service {
    let server: Server
    /// Returns when everything is there, or when waiting longer is pointless; `/ready` then says what is missing.
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
