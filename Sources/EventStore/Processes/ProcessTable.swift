package import EventSourcing
package import FoundationEssentials

/// One instance as a row: what an instance costs while it waits.
package struct ProcessRow: Sendable, Hashable {
    package let id: UUID
    package let kind: String
    /// `running`, `compensating`, or the outcome.
    package let status: String
    /// The step that is worked on or waited for.
    package let step: String?
    package let failures: Int
    package let version: Int
    /// When there is something to do; nil while it waits for a reply, or is over.
    package let dueAt: Timestamp?
    /// From when it counts as stuck; nil once it is over.
    package let stuckAt: Timestamp?
    package let progressAt: Timestamp

    package init(
        id: UUID, kind: String, status: String, step: String?, failures: Int, version: Int, dueAt: Timestamp?, stuckAt: Timestamp?,
        progressAt: Timestamp
    ) {
        self.id = id
        self.kind = kind
        self.status = status
        self.step = step
        self.failures = failures
        self.version = version
        self.dueAt = dueAt
        self.stuckAt = stuckAt
        self.progressAt = progressAt
    }
}

extension ProcessRow {
    /// The row of a state; nil for an instance that never began.
    init?(_ id: UUID, _ state: ProcessState, patience: Duration) {
        let status: String
        switch state.status {
        case .missing: return nil
        case .running: status = "running"
        case .compensating: status = "compensating"
        case .ended(let outcome, _): status = outcome.rawValue
        }
        var step = state.openStep?.name
        if step == nil, case .passDeadline(let next)? = state.next?.work { step = next }
        self.init(
            id: id, kind: state.kind, status: status, step: step, failures: state.openStep?.failures ?? 0, version: state.version,
            dueAt: state.next?.at, stuckAt: state.stuckAt(patience: patience), progressAt: state.progressAt)
    }
}

/// The rows of all instances. They can be made anew from the log.
package protocol ProcessTable: Sendable {
    /// Writes a row, unless there is one of a later version.
    func save(_ row: ProcessRow) async throws
    /// The instances of these kinds with something to do at this time, those that wait longest first.
    func due(at time: Timestamp, of kinds: [String], limit: Int) async throws -> [UUID]
}
