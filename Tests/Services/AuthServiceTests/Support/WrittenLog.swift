import EventSourcing
import Foundation
import JSON
import Synchronization

/// A log in memory that only reads and wakes: what the command service appends is written into it.
final class WrittenLog: EventStore, Sendable {
    private struct State {
        var events: [RecordedEvent] = []
        var waiters: [CheckedContinuation<Void, Never>] = []
        var reads = 0
    }

    private let state = Mutex(State())

    /// How often a page was asked for.
    var reads: Int { state.withLock(\.reads) }

    @discardableResult
    func write(_ type: String, to stream: StreamName, _ data: JSONObject = [:], id: UUID = .v7()) -> RecordedEvent {
        let (event, waiters) = state.withLock { state in
            let event = RecordedEvent(
                position: Int64(state.events.count + 1), stream: stream, version: state.events.count { $0.stream == stream } + 1, id: id, type: type,
                schemaVersion: 1, data: data, metadata: EventMetadata(command: .v7()), recordedAt: .now)
            state.events.append(event)
            defer { state.waiters = [] }
            return (event, state.waiters)
        }
        for waiter in waiters { waiter.resume() }
        return event
    }

    func append(_ request: AppendRequest) async throws -> AppendOutcome { throw EventStoreError.unavailable(reason: "only read here") }

    func version(of stream: StreamName) -> Int { state.withLock { $0.events.count { $0.stream == stream } } }

    func load(_ stream: StreamName, after version: Int, limit: Int, command: UUID?) async throws -> LoadedStream {
        LoadedStream(events: state.withLock { $0.events.filter { $0.stream == stream && $0.version > version } }, receipt: nil, isLast: true)
    }

    func read(after position: Int64, limit: Int) async throws -> [RecordedEvent] {
        state.withLock { state in
            state.reads += 1
            return Array(state.events.dropFirst(Int(position)).prefix(limit))
        }
    }

    func read(_ part: StreamRead, limit: Int) async throws -> [RecordedEvent] {
        throw EventStoreError.unavailable(reason: "only read as a whole here")
    }

    func read(_ part: LogRead, limit: Int) async throws -> LogPage {
        throw EventStoreError.unavailable(reason: "only read as a whole here")
    }

    func holder(of kind: ClaimKind, value: String) async throws -> StreamName? { throw EventStoreError.unavailable(reason: "holds no claims") }

    func head() async throws -> Int64 { state.withLock { Int64($0.events.count) } }

    func waitForEvents(after position: Int64) async throws {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isThere = state.withLock { state in
                    if state.events.count > position || Task.isCancelled { return true }
                    state.waiters.append(continuation)
                    return false
                }
                if isThere { continuation.resume() }
            }
        } onCancel: {
            let waiters = state.withLock { state in
                defer { state.waiters = [] }
                return state.waiters
            }
            for waiter in waiters { waiter.resume() }
        }
        try Task.checkCancellation()
    }
}
