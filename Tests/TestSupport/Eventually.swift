/// Asks again and again until it is so. Throws when the test is cancelled, as its time limit does: a test that waits in vain then ends.
package func eventually(_ isSo: () async throws -> Bool) async throws {
    while try await !isSo() {
        try Task.checkCancellation()
        await Task.yield()
    }
}
