import EventSourcing
import HTTPTypes
import Hummingbird
import NIOCore

/// Turns a service's own errors into problems; nil for an error it does not know. Given when the responder is built, asked before the general rules.
package typealias ProblemMapping = @Sendable (any Error) -> Problem?

extension Problem {
    /// The problem that any service makes of an error. Nil when nobody expected it: then it is ours to log, and the caller's to see as 500.
    static func general(_ error: any Error) -> Problem? {
        switch error {
        case let problem as Problem: problem
        case EventStoreError.unavailable, EventStoreError.refused: .unavailable()
        case EventStoreError.outcomeUnknown: .outcomeUnknown()
        case is CancellationError: .unavailable("The request was given up.")
        case is NIOTooManyBytesError: Problem(.payloadTooLarge, "The body is too large.")
        case let error as HTTPError: general(status: error.status)
        default: nil
        }
    }

    /// The library's own refusals in our words.
    private static func general(status: HTTPResponse.Status) -> Problem? {
        switch status {
        case .badRequest: .malformed("The request can't be read.")
        case .unauthorized: .unauthenticated()
        case .forbidden: .forbidden()
        case .notFound: .notFound()
        case .contentTooLarge: Problem(.payloadTooLarge, "The body is too large.")
        case .unsupportedMediaType: .unsupportedMediaType()
        case .serviceUnavailable: .unavailable()
        case .gatewayTimeout: .timeout()
        default: nil
        }
    }
}
