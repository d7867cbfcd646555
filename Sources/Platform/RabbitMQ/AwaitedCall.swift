import NIOPosix
import Synchronization

extension NIOThreadPool {
    /// Runs blocking work on one of the threads. A caller that is cancelled is answered at once, and the work is interrupted.
    func run<Value: Sendable>(
        interruptedBy interrupt: @escaping @Sendable () -> Void = {}, _ work: @escaping @Sendable (AwaitedCall<Value>) throws -> Value
    ) async throws -> Value {
        let call = AwaitedCall<Value>()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                guard call.begin(continuation) else { return }
                submit { state in
                    guard case .active = state else { return call.settle(.failure(CancellationError())) }
                    if !call.isSettled { call.settle(Result { try work(call) }) }
                }
            }
        } onCancel: {
            call.cancel(interrupting: interrupt)
        }
    }
}

/// Work on a thread, until its caller has an answer.
final class AwaitedCall<Value: Sendable>: Sendable {
    private enum State {
        case new
        case waiting(CheckedContinuation<Value, any Error>)
        case settled
    }

    private let state: Mutex<State> = Mutex(.new)

    var isSettled: Bool { state.withLock { if case .settled = $0 { true } else { false } } }

    /// False when it was cancelled before; the caller is answered then.
    func begin(_ continuation: CheckedContinuation<Value, any Error>) -> Bool {
        let isNew = state.withLock { state in
            guard case .new = state else { return false }
            state = .waiting(continuation)
            return true
        }
        if !isNew { continuation.resume(throwing: CancellationError()) }
        return isNew
    }

    /// Answers the caller, unless that was done.
    func settle(_ result: Result<Value, any Error>) { take()?.resume(with: result) }

    /// The same for a caller that is cancelled. The work is interrupted first: after its answer the caller may begin other work.
    func cancel(interrupting interrupt: () -> Void) {
        guard let continuation = take() else { return }
        interrupt()
        continuation.resume(throwing: CancellationError())
    }

    private func take() -> CheckedContinuation<Value, any Error>? {
        state.withLock { state in
            defer { state = .settled }
            if case .waiting(let continuation) = state { return continuation }
            return nil
        }
    }
}
