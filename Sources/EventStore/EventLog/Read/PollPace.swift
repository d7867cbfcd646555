/// How long the shared poll waits between two questions: a moment while events come, then twice as long each time in vain.
struct PollPace: Sendable {
    private let shortest: Duration
    private let longest: Duration
    /// Before the next question.
    private(set) var pause: Duration

    init(from shortest: Duration, to longest: Duration) {
        self.shortest = shortest
        self.longest = longest
        pause = shortest
    }

    /// For a poll that only has to find what a notification failed to tell.
    static let steady = PollPace(from: .seconds(1), to: .seconds(1))

    /// For a poll that nothing is told: five milliseconds while events flow, a second when they don't.
    static let searching = PollPace(from: .milliseconds(5), to: .seconds(1))

    /// Somebody waits again after nobody did.
    mutating func start() { pause = shortest }

    mutating func polled(foundNews: Bool) { pause = foundNews ? shortest : min(pause * 2, longest) }
}
