/// The time as a cluster sees it.
struct UpstreamTiming: Sendable {
    var now: @Sendable () -> ContinuousClock.Instant = { .now }
    /// Before a second instance is asked for the same.
    var hedge: @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    /// Before a repeat.
    var pause: @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    /// Until instances are asked again whether they are ready.
    var nextCheck: @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
}
