import NIOCore
import Synchronization

/// A command that was sent, until its caller has an answer. The reply of one that was given up takes its place in the order all the same.
final class AwaitedReply: Sendable {
    let deadline: NIODeadline
    private let continuation: Mutex<CheckedContinuation<Result<RedisReply, RedisError>, Never>?>

    init(deadline: NIODeadline, _ continuation: CheckedContinuation<Result<RedisReply, RedisError>, Never>) {
        self.deadline = deadline
        self.continuation = Mutex(continuation)
    }

    /// Answers the caller, unless that was done.
    func settle(_ result: Result<RedisReply, RedisError>) {
        let continuation = continuation.withLock { $0.take() }
        continuation?.resume(returning: result)
    }
}
