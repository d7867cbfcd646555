import Dispatch
import Synchronization

/// Runs tasks' jobs one after the other and counts them: each time that a task suspends and goes on is one more.
package final class CountingExecutor: TaskExecutor {
    private let queue = DispatchQueue(label: "jobs")
    private let jobs = Atomic(0)

    package init() {}

    package func enqueue(_ job: consuming ExecutorJob) {
        jobs.add(1, ordering: .relaxed)
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }

    /// Does some work, and says in how many jobs.
    package static func jobs<Value: Sendable>(in work: @Sendable () async throws -> Value) async throws -> (value: Value, jobs: Int) {
        let executor = CountingExecutor()
        let value = try await withTaskExecutorPreference(executor, operation: work)
        return (value, executor.jobs.load(ordering: .relaxed))
    }
}
