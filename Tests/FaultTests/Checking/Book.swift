import EventSourcing
import FoundationEssentials
import Synchronization

/// One request and its definite answer, with when it was made and when answered, on a clock that only counts what is written in the book.
struct Call: Sendable {
    let request: AppendRequest
    let called: Int
    let returned: Int
    let outcome: AppendOutcome
    /// How often it was sent.
    let tries: Int
    /// Whether one of its sendings was left behind, by a process that was killed or a store that waited too long for its answer. Nobody knows when a
    /// server takes it, or whether one does.
    let isOrphaned: Bool
}

/// All that was asked of the log in one round and what it answered.
final class Book: Sendable {
    private let state = Mutex((moment: 0, calls: [Call]()))
    /// How many calls have been answered.
    let answered = Milestone()

    var calls: [Call] { state.withLock { $0.calls } }

    /// Sends a request until it is answered and writes it down.
    func append(_ request: AppendRequest, by writer: any Writer) async throws -> AppendOutcome {
        let called = moment()
        var (tries, isOrphaned) = (0, false)
        while true {
            do {
                tries += 1
                let outcome = try await writer.append(request)
                state.withLock { state in
                    state.moment += 1
                    state.calls.append(
                        Call(
                            request: request, called: called, returned: state.moment, outcome: outcome, tries: tries, isOrphaned: isOrphaned))
                }
                answered.advance()
                return outcome
            } catch is WriterEnded where tries < 100 {
                isOrphaned = true
            } catch EventStoreError.unavailable where tries < 100 {
                // The store itself has tried for seconds: sending again at once is no busy loop.
            } catch EventStoreError.outcomeUnknown where tries < 100 {
                // The server was away for longer than the store tries. What it kept is known by the command's id.
                isOrphaned = true
            }
        }
    }

    private func moment() -> Int {
        state.withLock { state in
            state.moment += 1
            return state.moment
        }
    }
}
