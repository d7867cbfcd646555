import TestSupport
import Testing

/// A fault that the log suffers while it works.
enum Fault: String, CaseIterable, CustomTestStringConvertible {
    case none
    case serverCrash
    case lostBackends
    case killedWriter
    case anything

    var testDescription: String {
        switch self {
        case .none: "nothing happens"
        case .serverCrash: "PostgreSQL is killed and started again"
        case .lostBackends: "backends are terminated"
        case .killedWriter: "an appending process is killed and started again"
        case .anything: "any of these"
        }
    }

    /// How often it happens in a round.
    var count: Int {
        switch self {
        case .none: 0
        case .serverCrash: 1
        case .lostBackends: 6
        case .killedWriter: 3
        case .anything: 4
        }
    }

    /// Does it once.
    func strike(_ log: LogUnderFire, using random: inout SeededRandom) async throws {
        switch self {
        case .none: break
        case .serverCrash: try await log.server.crash()
        case .lostBackends: try await log.server.terminateBackends { Bool.random(using: &random) }
        case .killedWriter: try await log.processes[Int.random(in: log.processes.indices, using: &random)].restart()
        case .anything:
            let fault = [Fault.serverCrash, .lostBackends, .killedWriter][Int.random(in: 0..<3, using: &random)]
            try await fault.strike(log, using: &random)
        }
    }
}
