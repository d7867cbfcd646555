/// Whether something is done in time. What takes longer is cancelled; throws what it throws, and `CancellationError` when the task is cancelled.
package func isDone<Time: Clock<Duration>>(
    within patience: Duration, by clock: Time = ContinuousClock(), _ body: @escaping @Sendable () async throws -> Void
) async throws -> Bool {
    try await withThrowingTaskGroup(of: Bool.self) { group in
        group.addTask {
            try await body()
            return true
        }
        group.addTask {
            try await clock.sleep(for: patience)
            return false
        }
        defer { group.cancelAll() }
        return try await group.next() ?? false
    }
}
