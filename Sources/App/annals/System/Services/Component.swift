import ArgumentParser
import PublishingAPI

/// The parts of the system that a process can run.
enum Component: String, CaseIterable, Sendable, ExpressibleByArgument {
    case gateway, auth, commands, queries, projector, relay

    /// The service whose calls it answers; nil for the projector, which answers none.
    var service: ServiceName? {
        switch self {
        case .gateway: .gateway
        case .auth: .auth
        case .commands: .commands
        case .queries: .queries
        case .relay: .relay
        case .projector: nil
        }
    }

    /// Those that it can't be ready without, and would only ask in vain before.
    var startsAfter: [Component] {
        switch self {
        case .auth, .projector: []
        case .commands: [.auth]
        case .queries: [.auth, .projector]
        case .relay: [.auth, .commands]
        case .gateway: [.auth, .commands, .queries, .relay]
        }
    }

    /// The services that it calls.
    var calls: Set<ServiceName> {
        switch self {
        case .gateway: [.auth, .commands, .queries, .relay]
        case .auth: [.commands]
        case .commands: [.auth]
        case .queries: [.auth, .commands]
        case .relay: [.auth, .commands, .queries]
        case .projector: []
        }
    }
}
