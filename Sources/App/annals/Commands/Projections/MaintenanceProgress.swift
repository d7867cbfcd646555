import EventSourcing
import JSON
import Projections
import Synchronization

/// Progress of one or more read models together: a bar on a terminal, lines elsewhere, or JSON.
final class MaintenanceProgress: Sendable {
    private static let jsonInterval = Duration.seconds(1)

    private struct State {
        var models: [String: RebuildProgress] = [:]
        var begun: [String: ContinuousClock.Instant] = [:]
        var lastLine = ContinuousClock.now
    }

    private let bar: ProgressBar?
    private let names: [String]
    private let state = Mutex(State())

    init(_ label: String, of names: [String], json: Bool) {
        self.names = names
        bar = json ? nil : ProgressBar(names.count == 1 ? "\(label) \(names[0])" : label)
    }

    func update(_ progress: RebuildProgress) {
        let now = ContinuousClock.now
        let (applied, total, isDue, elapsed) = state.withLock { state in
            let begun = state.begun[progress.model] ?? now
            state.begun[progress.model] = begun
            let isNewPhase = state.models[progress.model]?.phase != progress.phase
            state.models[progress.model] = progress
            let isDue = isNewPhase || now - state.lastLine >= Self.jsonInterval
            if isDue { state.lastLine = now }
            // A model that has not begun is taken to have as much work as this one.
            let unseen = Int64(names.count - state.models.count) * progress.total
            return (state.models.values.reduce(0) { $0 + $1.applied }, state.models.values.reduce(unseen) { $0 + $1.total }, isDue, now - begun)
        }
        if let bar {
            bar.update(completed: Int(applied), total: Int(total))
        } else if isDue {
            printLine(progress.json(elapsed: elapsed))
        }
    }

    /// Ends the bar, if there was anything to show.
    func finish() {
        if state.withLock({ !$0.models.isEmpty }) { bar?.finish() }
    }
}

extension RebuildProgress {
    /// Rate and time left are null while they are unknown.
    fileprivate func json(elapsed: Duration) -> String {
        let pace = ProgressState(label: model, completed: Int(applied), total: Int(total), elapsed: elapsed)
        return JSONValue.object([
            "model": .string(model), "phase": .string(phase.rawValue), "applied": .integer(applied), "total": .integer(total),
            "rate": pace.rate.map(JSONValue.number) ?? .null, "secondsLeft": pace.remaining.map { .integer($0.components.seconds) } ?? .null,
        ]).serialized
    }
}
