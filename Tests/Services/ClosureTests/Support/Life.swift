import EventSourcing
import Foundation
import HTTPContract
import Hummingbird
import Processes
import Synchronization

/// How long a process lives, counted in the moments before and after each thing that it does elsewhere. When it dies, nothing of it goes on: its
/// task is cancelled, as
/// by `kill -9` no error of its own is handled.
final class Life: Sendable {
    private let left: Atomic<Int>
    private let passed = Atomic(0)

    /// nil never ends.
    init(moments: Int?) {
        left = Atomic(moments ?? .max)
    }

    /// How many moments it has had.
    var moments: Int { passed.load(ordering: .relaxed) }

    var isOver: Bool { left.load(ordering: .relaxed) <= 0 }

    /// A moment passes, perhaps the last.
    func pass() throws {
        passed.add(1, ordering: .relaxed)
        guard left.subtract(1, ordering: .relaxed).newValue < 0 else { return }
        withUnsafeCurrentTask { $0?.cancel() }
        throw CancellationError()
    }

    /// Something done elsewhere: the process may die before, and after it was done.
    func around<Value>(_ body: () async throws -> Value) async throws -> Value {
        try pass()
        let value = try await body()
        try pass()
        return value
    }
}

/// A service as a mortal process reaches it.
struct MortalUpstream: Upstream {
    let service: any Upstream
    let life: Life

    func send(_ request: Request, context: CallContext) async throws -> Response {
        try await life.around { try await service.send(request, context: context) }
    }
}

/// The streams of processes as a mortal process appends to them.
struct MortalJournal: ProcessJournal {
    let journal: LogJournal
    let life: Life

    func load(_ process: UUID) async throws -> [RecordedEvent] { try await journal.load(process) }

    func append(_ events: [ProcessEvent], to process: UUID, after version: Int, cause: ProcessCause) async throws -> Bool {
        try await life.around { try await journal.append(events, to: process, after: version, cause: cause) }
    }
}

/// A service whose answers to requests for closures take a while, in which something else happens.
struct SlowUpstream: Upstream {
    let service: any Upstream
    let meanwhile: @Sendable () async throws -> Void

    func send(_ request: Request, context: CallContext) async throws -> Response {
        let response = try await service.send(request, context: context)
        if request.uri.path.hasSuffix("/closure") { try await meanwhile() }
        return response
    }
}
