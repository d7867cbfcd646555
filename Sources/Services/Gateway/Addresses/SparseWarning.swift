import Logging
import Synchronization

/// A warning that anyone can cause: it is logged once a minute at most, with how often it was left out since.
final class SparseWarning: Sendable {
    private static let silence = Duration.seconds(60)

    private let message: Logger.Message
    private let logger: Logger
    private let state = Mutex<(silentUntil: ContinuousClock.Instant, leftOut: Int)>((.now, 0))

    init(_ message: Logger.Message, _ logger: Logger) {
        self.message = message
        self.logger = logger
    }

    func note(at now: ContinuousClock.Instant = .now) {
        let leftOut: Int? = state.withLock { state in
            guard now >= state.silentUntil else {
                state.leftOut += 1
                return nil
            }
            defer { state = (now + Self.silence, 0) }
            return state.leftOut
        }
        guard let leftOut else { return }
        logger.warning(message, metadata: leftOut == 0 ? [:] : ["before": "\(leftOut)"])
    }
}
