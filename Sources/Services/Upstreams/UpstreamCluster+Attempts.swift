import HTTPContract
import Hummingbird
import Synchronization

/// The rules of one attempt: its time, what its failure says of the instance, and whether another one follows.
extension UpstreamCluster {
    /// How long one attempt may take. One that can't be made again has all the time of its request: it waits for a client's body as well.
    func time(for call: OutgoingCall, _ context: CallContext) -> Duration {
        let left = context.budget?.remaining ?? .seconds(3600)
        return call.isRepeatable && !call.isPatient ? min(left, settings.attemptTimeout) : left
    }

    /// The verdict on an instance, by the failure of an attempt that had so much time.
    func verdict(of failure: UpstreamFailure, in time: Duration) -> Verdict {
        switch failure.kind {
        case .unreachable: .gone
        // A caller whose own time is nearly up says nothing.
        case .unconnected: time < min(settings.connectTimeout, settings.attemptTimeout) ? .none : .gone
        case .exhausted, .unsent: .none
        case .broken, .late: .bad
        }
    }

    /// The pause before the call is made again; nil when it is not.
    func pause(after outcome: Outcome, _ call: OutgoingCall, _ attempts: inout Attempts, _ context: CallContext) -> Duration? {
        attempts.count += 1
        let instance: Instance
        let needsOther: Bool
        switch outcome {
        case .answer(let response, let place):
            // An instance that is not available has said when it wants to be asked again; another may be.
            guard response.status.isGatewayFailure || response.status == .serviceUnavailable, call.isRepeatable, !call.isPatient else { return nil }
            (instance, needsOther) = (place, true)
            attempts.sent += 1
        case .failure(let failure, let place):
            if failure.mayHaveArrived {
                attempts.sent += 1
                guard call.isRepeatable else { return nil }
            }
            (instance, needsOther) = (place, failure.kind == .late)
        }
        attempts.tried.append(instance)
        let now = timing.now()
        let pause: Duration? = core.withLock { [attempts] core in
            let hasOther = core.fleet.hasOther(than: attempts.tried, at: now)
            // To look further for one that listens asks nothing more of any service.
            if hasOther, attempts.sent == 0 { return .zero }
            guard attempts.count < settings.retries.attempts, hasOther || !needsOther, core.budget.take(at: now) else { return nil }
            return Pause.length(before: attempts.count, settings.retries, using: &core.random)
        }
        guard let pause, context.budget.map({ pause < $0.remaining }) ?? true else { return nil }
        return pause
    }
}
