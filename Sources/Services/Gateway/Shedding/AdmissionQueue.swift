import Deadlines
import HTTPContract
import Hummingbird
import NIOCore
import NIOPosix
import PublishingAPI
import Synchronization

/// Gives a service no more calls at once than it can do with, and refuses early what would be late.
///
/// A call that finds room costs one lock each way. Others wait in a bounded queue, commands and sign-ins before all reads. A dashboard's
/// parts are reads like others.
final class AdmissionQueue: Upstream {
    private let service: any Upstream
    private let settings: SheddingSettings
    private let now: @Sendable () -> ContinuousClock.Instant
    private let loop: any EventLoop
    private let state: Mutex<State>

    private struct State {
        var lanes: AdmissionLanes<CheckedContinuation<Turn, Never>>
        var isTicking = false
    }

    private enum Turn {
        case admitted, refused, cancelled
    }

    init(
        _ service: any Upstream, _ settings: SheddingSettings, on loop: any EventLoop = MultiThreadedEventLoopGroup.singleton.any(),
        now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
    ) {
        self.service = service
        self.settings = settings
        self.now = now
        self.loop = loop
        state = Mutex(State(lanes: AdmissionLanes(settings, at: now())))
    }

    /// Calls that wait.
    var waiting: Int { state.withLock { $0.lanes.count } }

    func send(_ request: Request, context: CallContext) async throws -> Response {
        try await admitted(to: AdmissionLane(request, as: nil)) { try await service.send(request, context: context) }
    }

    func send(_ request: Request, as call: VerifiedCall, context: CallContext) async throws -> Response {
        try await admitted(to: AdmissionLane(request, as: call.match.endpoint)) { try await service.send(request, as: call, context: context) }
    }

    /// The service itself, where it is of this process.
    var local: ServiceResponder? { service.local }

    /// Takes a place at the service, if there is one and nobody waits for it. Its holder leaves with `leave(_:)`.
    func enterAtOnce(_ lane: AdmissionLane) -> Bool { state.withLock { $0.lanes.enter(lane) } }

    private func admitted<Value>(to lane: AdmissionLane, _ work: () async throws -> Value) async throws -> Value {
        if !enterAtOnce(lane) {
            switch await turn(in: lane) {
            case .admitted: break
            case .refused: throw Problem.unavailable("There is more to do at the moment than can be done in time.")
            case .cancelled: throw CancellationError()
            }
        }
        defer { leave(lane) }
        return try await work()
    }

    private func turn(in lane: AdmissionLane) async -> Turn {
        let id = state.withLock { $0.lanes.nextID() }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                wait(continuation, id, in: lane)
                // The handler may have run before the call was in the queue.
                if Task.isCancelled { cancel(id) }
            }
        } onCancel: {
            cancel(id)
        }
    }

    private func wait(_ continuation: CheckedContinuation<Turn, Never>, _ id: UInt64, in lane: AdmissionLane) {
        let deadline = Deadline.current?.instant
        let (turn, startsTicking) = state.withLock { state -> (Turn?, Bool) in
            switch state.lanes.wait(continuation, id: id, in: lane, until: deadline, at: now()) {
            case .admitted: return (.admitted, false)
            case .refused: return (.refused, false)
            case .waiting:
                defer { state.isTicking = true }
                return (nil, !state.isTicking)
            }
        }
        if let turn { continuation.resume(returning: turn) }
        if startsTicking { scheduleTick() }
    }

    private func cancel(_ id: UInt64) { state.withLock { $0.lanes.remove(id) }?.resume(returning: .cancelled) }

    func leave(_ lane: AdmissionLane) {
        let served = state.withLock { state in state.lanes.leave(lane) { now() } }
        guard let served else { return }
        for waiter in served.refused { waiter.resume(returning: .refused) }
        for waiter in served.admitted { waiter.resume(returning: .admitted) }
    }

    /// While calls wait, one timer refuses those who have waited long enough, also when nothing goes on.
    private func scheduleTick() { loop.scheduleTask(in: TimeAmount(settings.target)) { self.sweep() } }

    private func sweep() {
        let (refused, goesOn) = state.withLock { state in
            let refused = state.lanes.expire(at: now())
            state.isTicking = !state.lanes.isEmpty
            return (refused, state.isTicking)
        }
        for waiter in refused { waiter.resume(returning: .refused) }
        if goesOn { scheduleTick() }
    }
}
