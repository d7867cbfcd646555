package import HTTPContract
import HTTPTypes
package import Hummingbird
package import Logging
package import PublishingAPI
import Synchronization

/// A service of other processes, in any number of instances.
///
/// A call goes to the less busy of two instances whose breakers admit it. One that fails goes to another when a repeat is safe, the budget of retries
/// has one left, and there is time.
package final class UpstreamCluster: Upstream, Sendable {
    struct Core {
        var fleet: Fleet
        var budget: RetryBudget
        var random = SystemRandomNumberGenerator()
        /// Only while the cluster runs.
        var client: InstanceClient?
    }

    package let service: ServiceName
    let discovery: any Discovery
    let settings: UpstreamSettings
    let timing: UpstreamTiming
    let logger: Logger
    let core: Mutex<Core>
    private let durations: AttemptDurations

    /// Makes a cluster; nothing is reached before `run()`.
    package convenience init(service: ServiceName, discovery: any Discovery, settings: UpstreamSettings = UpstreamSettings(), logger: Logger) {
        self.init(service: service, discovery: discovery, settings: settings, timing: UpstreamTiming(), logger: logger)
    }

    init(service: ServiceName, discovery: any Discovery, settings: UpstreamSettings, timing: UpstreamTiming, logger: Logger) {
        self.service = service
        self.discovery = discovery
        self.settings = settings
        self.timing = timing
        var logger = logger
        logger[metadataKey: "upstream"] = "\(service)"
        self.logger = logger
        durations = AttemptDurations(service)
        core = Mutex(Core(fleet: Fleet(settings), budget: RetryBudget(settings.retries)))
    }

    /// The instances as they stand now.
    package var state: UpstreamState {
        let now = timing.now()
        return UpstreamState(service: service, instances: core.withLock { $0.fleet.members.map { UpstreamState.InstanceState($0, at: now) } })
    }

    package func send(_ request: Request, context: CallContext) async throws -> Response {
        try await send(OutgoingCall(request, for: context, as: nil, bufferingUpTo: settings.bufferedBytes), context)
    }

    package func send(_ request: Request, as call: VerifiedCall, context: CallContext) async throws -> Response {
        try await send(OutgoingCall(request, for: context, as: call.match.endpoint, bufferingUpTo: settings.bufferedBytes), context)
    }

    private func send(_ call: OutgoingCall, _ context: CallContext) async throws -> Response {
        core.withLock { $0.budget.note(at: timing.now()) }
        var attempts = Attempts()
        while true {
            if context.budget?.isSpent == true { throw Problem.timeout() }
            let outcome = try await hedgedAttempt(call, &attempts, context)
            guard let pause = pause(after: outcome, call, &attempts, context) else {
                switch outcome {
                case .answer(let response, _): return response
                case .failure(let failure, _): throw failure.problem
                }
            }
            try await timing.pause(pause)
        }
    }

    /// The work done for a call so far.
    struct Attempts {
        var count = 0
        /// Those that may have reached a service.
        var sent = 0
        var tried: [Instance] = []
    }

    enum Outcome {
        case answer(Response, Instance)
        case failure(UpstreamFailure, Instance)
    }

    /// One attempt at the place that was chosen for it.
    func attempt(_ call: OutgoingCall, _ attempts: Attempts, at choice: (InstanceClient, Fleet.Place), _ context: CallContext) async throws -> Outcome
    {
        let (client, place) = choice
        let occupancy = Occupancy(of: place, in: self)
        let time = time(for: call, context)
        let start = ContinuousClock.now
        do {
            let response = try await client.send(call, to: place.instance, attempt: attempts.sent + 1, in: time, holding: occupancy)
            durations.record(call.method, .answered(status: response.status.code), since: start)
            record(response.status.isGatewayFailure ? .bad : .good, at: place)
            return .answer(response, place.instance)
        } catch let failure as UpstreamFailure {
            durations.record(call.method, .failed(failure.kind), since: start)
            record(verdict(of: failure, in: time), at: place)
            // One line a call. What changes for the instance is told at notice.
            logger.info(
                "a call to an instance failed",
                metadata: [
                    "instance": "\(place.instance)", "requestId": "\(RequestIdentity.logged(context.requestID))", "reason": "\(failure.reason)",
                ])
            return .failure(failure, place.instance)
        } catch {
            record(.none, at: place)
            throw error
        }
    }

    func choose(avoiding tried: [Instance]) throws(Problem) -> (InstanceClient, Fleet.Place) {
        let now = timing.now()
        let (client, choice) = core.withLock { core in
            (core.client, core.fleet.choose(avoiding: tried, at: now, using: &core.random))
        }
        switch choice {
        case .none(let until): throw .unavailable(retryAfter: Int(((until - now) / .seconds(1)).rounded(.up)))
        case .place(let place):
            guard let client else {
                record(.none, at: place)
                core.withLock { $0.fleet.leave(place) }
                throw .unavailable()
            }
            return (client, place)
        }
    }

    private func record(_ verdict: Verdict, at place: Fleet.Place) {
        change { fleet, now in fleet.record(verdict, at: place, now: now) }
    }

    /// Changes what is known of the instances, and logs what that has changed.
    func change(_ body: (inout Fleet, ContinuousClock.Instant) -> [Fleet.Change]) {
        let now = timing.now()
        for change in core.withLock({ body(&$0.fleet, now) }) {
            logger.notice("\(change.message)", metadata: ["instance": "\(change.instance)"])
        }
    }
}

/// A call's place at an instance, given up when the last holder lets go.
private final class Occupancy: Sendable {
    private let place: Fleet.Place
    private let cluster: UpstreamCluster

    init(of place: Fleet.Place, in cluster: UpstreamCluster) {
        self.place = place
        self.cluster = cluster
    }

    deinit {
        cluster.core.withLock { $0.fleet.leave(place) }
    }
}

extension HTTPResponse.Status {
    /// A gateway's word that the service behind it failed. A service that says 503 has thought about it.
    var isGatewayFailure: Bool { self == .badGateway || self == .gatewayTimeout }
}
