import EventSourcing
import FoundationEssentials
import Synchronization

/// A store that can be put in another's place, as a restored server takes that of the one before, and be away. Keeps the book on what was loaded.
final class SwitchedEventStore: EventStore {
    struct Load: Equatable {
        let after: Int
        let limit: Int
        let count: Int
    }

    private struct State {
        var store: any EventStore
        /// How many calls still pass, and how many then find nobody.
        var passes = 0
        var failures = 0
        var loads: [Load] = []
    }

    private let state: Mutex<State>

    init(_ store: any EventStore) { state = Mutex(State(store: store)) }

    /// The streams loaded since this was asked last.
    func takeLoads() -> [Load] {
        state.withLock { state in
            defer { state.loads = [] }
            return state.loads
        }
    }

    func `switch`(to store: any EventStore) { state.withLock { $0.store = store } }

    /// Lets calls fail, the next ones or those after the next few.
    func fail(_ count: Int, after passes: Int = 0) { state.withLock { ($0.passes, $0.failures) = (passes, count) } }

    /// Whether calls are still to fail.
    var isFailing: Bool { state.withLock { $0.failures > 0 } }

    private var present: any EventStore {
        get throws {
            try state.withLock { state in
                guard state.failures > 0 else { return state.store }
                guard state.passes == 0 else {
                    state.passes -= 1
                    return state.store
                }
                state.failures -= 1
                throw EventStoreError.unavailable(reason: "away")
            }
        }
    }

    func append(_ request: AppendRequest) async throws -> AppendOutcome { try await present.append(request) }

    func load(_ stream: StreamName, after version: Int, limit: Int, command: UUID?) async throws -> LoadedStream {
        let loaded = try await present.load(stream, after: version, limit: limit, command: command)
        state.withLock { $0.loads.append(Load(after: version, limit: limit, count: loaded.events.count)) }
        return loaded
    }

    func holder(of kind: ClaimKind, value: String) async throws -> StreamName? { try await present.holder(of: kind, value: value) }
    func read(after position: Int64, limit: Int) async throws -> [RecordedEvent] { try await present.read(after: position, limit: limit) }
    func read(_ part: StreamRead, limit: Int) async throws -> [RecordedEvent] { try await present.read(part, limit: limit) }
    func read(_ part: LogRead, limit: Int) async throws -> LogPage { try await present.read(part, limit: limit) }
    func head() async throws -> Int64 { try await present.head() }
    func waitForEvents(after position: Int64) async throws { try await present.waitForEvents(after: position) }
}
