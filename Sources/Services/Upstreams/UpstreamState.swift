package import PublishingAPI

/// The instances of a service as one of its callers sees them.
package struct UpstreamState: Sendable, Equatable {
    package enum Breaker: String, Sendable {
        case closed, open
        case halfOpen = "half-open"
    }

    package struct InstanceState: Sendable, Equatable {
        package let instance: Instance
        package let breaker: Breaker
        /// Whether it is passed over while there are others.
        package let isEjected: Bool
        /// Calls on their way.
        package let outstanding: Int
    }

    package let service: ServiceName
    package let instances: [InstanceState]

    /// Whether a call would be tried at all.
    package var isAvailable: Bool { instances.contains { $0.breaker != .open } }
}

extension UpstreamState.InstanceState {
    init(_ member: Fleet.Member, at now: ContinuousClock.Instant) {
        instance = member.instance
        breaker = UpstreamState.Breaker(member.breaker.phase)
        isEjected = member.ejection.isOut(at: now)
        outstanding = member.outstanding
    }
}

extension UpstreamState.Breaker {
    init(_ phase: CircuitBreaker.Phase) {
        switch phase {
        case .closed: self = .closed
        case .open: self = .open
        case .halfOpen: self = .halfOpen
        }
    }
}
