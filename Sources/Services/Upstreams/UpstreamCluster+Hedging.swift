import HTTPContract
import HTTPTypes
import Hummingbird
import Synchronization

extension UpstreamCluster {
    /// One attempt. When a public read has no answer after a while, a second instance is asked as well: the first good answer counts, and the other
    /// call is cancelled.
    ///
    /// A second call spends from the budget of retries, so that hedges can't double the load on a service that is slow because it has much to do. It
    /// is marked as a repeat, and counts no view.
    func hedgedAttempt(_ call: OutgoingCall, _ attempts: inout Attempts, _ context: CallContext) async throws -> Outcome {
        let first = try choose(avoiding: attempts.tried)
        guard let delay = settings.hedgeAfter, call.isPublicRead, !call.isPatient, attempts.count == 0 else {
            return try await attempt(call, attempts, at: first, context)
        }
        return try await withThrowingTaskGroup(of: Outcome?.self) { group in
            defer { group.cancelAll() }
            let (begun, timing) = (attempts, timing)
            group.addTask { try await self.attempt(call, begun, at: first, context) }
            group.addTask {
                try await timing.hedge(delay)
                return nil
            }
            var failed: Outcome?
            var running = 1
            while let news = try await group.next() {
                guard let outcome = news else {
                    guard let second = hedge(besides: first.1.instance) else { continue }
                    var sent = attempts
                    sent.sent += 1
                    running += 1
                    group.addTask { [sent] in try await self.attempt(call, sent, at: second, context) }
                    continue
                }
                if outcome.isGood { return outcome }
                running -= 1
                if let failed { attempts.note(failed) }
                failed = outcome
                // The other one may still do better.
                if running == 0 { return outcome }
            }
            throw CancellationError()
        }
    }

    /// A place for the second call, if there is another instance in good standing and the budget has one left.
    private func hedge(besides first: Instance) -> (InstanceClient, Fleet.Place)? {
        let now = timing.now()
        guard core.withLock({ $0.fleet.hasOther(than: [first], at: now) && $0.budget.take(at: now) }) else { return nil }
        return try? choose(avoiding: [first])
    }
}

extension UpstreamCluster.Outcome {
    /// Whether another instance would not do better.
    fileprivate var isGood: Bool {
        if case .answer(let response, _) = self { !response.status.isGatewayFailure && response.status != .serviceUnavailable } else { false }
    }

    fileprivate var instance: Instance {
        switch self {
        case .answer(_, let instance), .failure(_, let instance): instance
        }
    }
}

extension UpstreamCluster.Attempts {
    /// A call that went along with the one whose outcome counts.
    fileprivate mutating func note(_ outcome: UpstreamCluster.Outcome) {
        count += 1
        tried.append(outcome.instance)
        if case .failure(let failure, _) = outcome, !failure.mayHaveArrived { return }
        sent += 1
    }
}
