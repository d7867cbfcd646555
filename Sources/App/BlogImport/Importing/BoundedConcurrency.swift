/// Runs a job for each element, at most `limit` at once, and hands the results to `receive` one at a time as they come. Throws the first error
/// and cancels the rest.
func forEach<Element: Sendable, Value: Sendable>(
    of elements: [Element], limit: Int, run job: @escaping @Sendable (Element) async throws -> Value, receive: (Value) -> Void
) async throws {
    try await withThrowingTaskGroup(of: Value.self) { group in
        var waiting = elements[...]
        for _ in 0..<max(1, limit) {
            guard let element = waiting.popFirst() else { break }
            group.addTask { try await job(element) }
        }
        while let value = try await group.next() {
            receive(value)
            if let element = waiting.popFirst() { group.addTask { try await job(element) } }
        }
    }
}
