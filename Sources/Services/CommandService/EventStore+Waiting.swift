import EventSourcing
import HTTPContract
import Hummingbird

extension EventStore {
    /// Waits for the position that the request names, if any. The log is never behind what it has answered, so this waits only for a position that
    /// somebody made up or got
    /// elsewhere.
    func waitForPosition(_ request: Request) async throws {
        guard let wait = try Preconditions.waitForPosition(request), try await head() < wait.position else { return }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await waitForEvents(after: wait.position - 1) }
            group.addTask { try await Task.sleep(for: wait.timeout) }
            try await group.next()
            group.cancelAll()
        }
        let head = try await head()
        guard head >= wait.position else { throw Problem.readModelBehind(position: head) }
    }
}
