/// How long a test waits for what must come. A machine that runs many tests at once is slow; none is so slow that this is too short.
package let patience: Duration = .seconds(600)

/// It has not come to be in all that time.
package struct WaitedInVain: Error, CustomStringConvertible {
    package let place: String

    package var description: String { "waited in vain for \(patience) at \(place)" }
}

/// Asks again and again until it is so, and lets others run in between. Throws when the test is cancelled, as its time limit does, and after
/// `patience`: a test that waits in vain then ends.
/// - Parameter pause: between the first looks; longer where a look is costly. Later ones are further apart, up to 25 ms: those who wait for long take
///   the time of those they wait for.
package func eventually(
    every pause: Duration = .milliseconds(2), file: StaticString = #fileID, line: Int = #line, _ isSo: () async throws -> Bool
) async throws {
    let end = ContinuousClock.now + patience
    var pause = pause
    while try await !isSo() {
        guard ContinuousClock.now < end else { throw WaitedInVain(place: "\(file):\(line)") }
        try await Task.sleep(for: pause)
        pause = max(pause, min(pause * 1.25, .milliseconds(25)))
    }
}
