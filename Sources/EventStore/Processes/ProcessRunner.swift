import CoreMetrics
import Crypto
package import EventSourcing
import FoundationEssentials
import JSON
package import Logging

/// Moves instances on: tells them what happens, and does what is due. It keeps nothing in memory, so another can go on at any point.
///
/// Each turn loads an instance's stream, decides, and appends at the version that was loaded; its row follows from the stream.
package struct ProcessRunner: Sendable {
    /// How many instances are worked on at once.
    private static let width = 8
    /// How long an instance that could not be moved on rests.
    private static let rest = Duration.seconds(5)

    private let managers: [String: any ProcessManager]
    /// Those of an unknown kind, as after a return to an older version, wait until somebody knows them.
    private let kinds: [String]
    private let journal: any ProcessJournal
    private let table: any ProcessTable
    private let now: @Sendable () -> Timestamp
    private let logger: Logger

    package init(
        _ managers: [any ProcessManager], journal: any ProcessJournal, table: any ProcessTable, now: @escaping @Sendable () -> Timestamp = { .now },
        logger: Logger
    ) {
        self.managers = Dictionary(managers.map { ($0.kind, $0) }, uniquingKeysWith: { first, _ in first })
        kinds = managers.map(\.kind)
        self.journal = journal
        self.table = table
        self.now = now
        self.logger = logger
    }

    /// Takes an event of the log. Taking one again changes nothing.
    package func take(_ event: RecordedEvent) async throws {
        if event.stream.category == ProcessEvent.category {
            // Somebody else may have appended it: an operator, or a runner that died before it wrote the row.
            try await save(event.stream.id, try ProcessState(try await journal.load(event.stream.id)))
            return
        }
        for manager in managers.values {
            for message in manager.messages(in: event) {
                try await record(
                    .message(message.content), of: message.process, by: manager,
                    cause: ProcessCause(event: event.id, correlation: event.metadata.correlation))
            }
        }
    }

    /// An end of one wait of `run`.
    private enum Turn {
        case movedOn(UUID)
        case failed(UUID)
        case rested(UUID)
        case pauseOver
    }

    /// Does what is due, and looks again after each piece of work and each pause, until cancelled. An instance that is slow, or that can't be moved
    /// on, does not hold up the others.
    package func run(lookingEvery pause: Duration) async throws {
        try await withThrowingTaskGroup(of: Turn.self) { group in
            defer { group.cancelAll() }
            var underWay: Set<UUID> = []
            var resting: Set<UUID> = []
            var isPausing = false
            while true {
                // Rows of what is under way or rests still look due.
                for process in try await table.due(at: now(), of: kinds, limit: Self.width * 2 + resting.count) where underWay.count < Self.width {
                    guard !resting.contains(process), underWay.insert(process).inserted else { continue }
                    group.addTask { await canMoveOn(process) ? .movedOn(process) : .failed(process) }
                }
                if !isPausing {
                    group.addTask {
                        try await Task.sleep(for: pause)
                        return .pauseOver
                    }
                    isPausing = true
                }
                switch try await group.next() {
                case .movedOn(let process): underWay.remove(process)
                case .failed(let process):
                    underWay.remove(process)
                    resting.insert(process)
                    group.addTask {
                        try await Task.sleep(for: Self.rest)
                        return .rested(process)
                    }
                case .rested(let process): resting.remove(process)
                case .pauseOver, nil: isPausing = false
                }
            }
        }
    }

    /// False after trouble, which is told. Trouble that is not one instance's own, such as a lost lease, shows elsewhere as well.
    private func canMoveOn(_ process: UUID) async -> Bool {
        do {
            try await work(process)
            return true
        } catch {
            return false
        }
    }

    /// Does what is due now, one instance after the other, and returns for how many.
    package func workDue(limit: Int = 100) async throws -> Int {
        let due = try await table.due(at: now(), of: kinds, limit: limit)
        for process in due { try await work(process) }
        return due.count
    }

    private func work(_ process: UUID) async throws {
        do {
            try await moveOn(process)
        } catch {
            try Task.checkCancellation()
            logger.warning("a process could not be moved on", metadata: ["process": "\(process.lowercased)", "reason": "\(error)"])
            throw error
        }
    }

    private func moveOn(_ process: UUID) async throws {
        let state = try ProcessState(try await journal.load(process))
        guard let manager = managers[state.kind], let next = state.next, next.at <= now() else { return try await save(process, state) }
        let request: ProcessRequest
        switch next.work {
        case .passDeadline(let step): request = .deadlinePassed(step: step)
        case .execute(let step): request = try await execute(step, isUndo: false, of: process, state, manager)
        case .undo(let step): request = try await execute(step, isUndo: true, of: process, state, manager)
        }
        try await record(request, of: process, by: manager, cause: ProcessCause(correlation: state.correlation), after: state.version)
    }

    private func execute(
        _ step: ProcessState.Step, isUndo: Bool, of process: UUID, _ state: ProcessState, _ manager: any ProcessManager
    ) async throws -> ProcessRequest {
        let command = ProcessCommand(
            id: Self.commandID(process, state.run, step.name, isUndo: isUndo), process: process, step: step.name, isUndo: isUndo,
            body: (isUndo ? step.undo : step.command) ?? [:], correlation: state.correlation)
        let reason: String
        do {
            switch try await manager.execute(command) {
            case .done where isUndo: return .undone(step: step.name)
            case .refused(let refusal) where isUndo: reason = refusal
            case let outcome: return .carriedOut(step: step.name, outcome)
            }
        } catch {
            try Task.checkCancellation()
            reason = "\(error)"
        }
        return .failed(step: step.name, reason: reason, retryAt: retryTime(after: step.failures, by: manager))
    }

    /// Records what follows from a request. With a version it is dropped when the stream has moved on since.
    private func record(
        _ request: ProcessRequest, of process: UUID, by manager: any ProcessManager, cause: ProcessCause, after version: Int? = nil
    ) async throws {
        while true {
            try Task.checkCancellation()
            let state = try ProcessState(try await journal.load(process))
            guard version == nil || version == state.version, cause.event.map({ !state.heard.contains($0) }) ?? true else {
                return try await save(process, state)
            }
            let failures = state.steps.last { $0.status == .issued }?.failures ?? 0
            let events = try ProcessRules(manager).decide(request, in: state, retryAt: retryTime(after: failures, by: manager))
            if events.isEmpty { return try await save(process, state) }
            guard try await journal.append(events, to: process, after: state.version, cause: cause) else { continue }
            for end in events where end.kind == .ended {
                Counter(label: "annals_processes_ended_total", dimensions: [("kind", manager.kind), ("outcome", end.name ?? "")]).increment()
            }
            return try await save(process, try ProcessState(try await journal.load(process)))
        }
    }

    private func save(_ process: UUID, _ state: ProcessState) async throws {
        let patience = managers[state.kind]?.patience ?? .seconds(60)
        if let row = ProcessRow(process, state, patience: patience) { try await table.save(row) }
    }

    /// 1 s, 2 s, 4 s, …, as long as the manager allows.
    private func retryTime(after failures: Int, by manager: any ProcessManager) -> Timestamp {
        now().advanced(by: min(.seconds(1 << min(failures, 12)), manager.longestPause))
    }

    /// The id of a step's command: the same at each try, so that the one who carries it out knows it again.
    static func commandID(_ process: UUID, _ run: Int, _ step: String, isUndo: Bool) -> UUID {
        UUID(hash: Array(SHA256.hash(data: Array("\(process.lowercased) \(run) \(isUndo ? "undo" : "do") \(step)".utf8))))
    }
}
