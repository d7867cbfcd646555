import ArgumentParser
import PublishingAPI

/// The parts of the system that a process can run.
enum Component: String, CaseIterable, Sendable, ExpressibleByArgument {
    case gateway, auth, commands, queries, projector

    /// The service whose calls it answers; nil for the projector, which answers none.
    var service: ServiceName? {
        switch self {
        case .gateway: .gateway
        case .auth: .auth
        case .commands: .commands
        case .queries: .queries
        case .projector: nil
        }
    }

    /// Those that it can't be ready without, and would only ask in vain before.
    var startsAfter: [Component] {
        switch self {
        case .auth, .projector: []
        case .commands: [.auth]
        case .queries: [.auth, .projector]
        case .gateway: [.auth, .commands, .queries]
        }
    }

    /// The services that it calls.
    var calls: Set<ServiceName> {
        switch self {
        case .gateway: [.auth, .commands, .queries]
        case .auth: [.commands, .queries]
        case .commands: [.auth]
        case .queries: [.auth, .commands]
        case .projector: []
        }
    }
}
