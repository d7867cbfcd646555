import EventSourcing
import HTTPTypes
package import Hummingbird
import JSON
import NIOCore

extension Problem {
    /// RFC 9457 §3.
    package static let mediaType = "application/problem+json"

    /// The answer that carries this problem. `path` becomes its `instance`.
    package func response(path: String, requestID: String) -> Response { answer(path: path, requestID: requestID).response }

    /// The same, ready to be sent.
    package func answer(path: String, requestID: String) -> ReadyAnswer {
        .bytes(ByteBuffer(bytes: document(instance: path, requestID: requestID)), Self.mediaType, status: status, headers: headers)
    }

    /// The problem as JSON.
    package func document(instance: String, requestID: String) -> [UInt8] {
        var writer = JSONWriter(capacity: 384)
        writer.object {
            $0.name("type")
            $0.string(code.type)
            $0.name("title")
            $0.string(title)
            $0.name("status")
            $0.integer(status.code)
            $0.name("detail")
            $0.string(detail)
            $0.name("instance")
            $0.string(instance)
            $0.name("code")
            $0.string(code.rawValue)
            $0.name("requestId")
            $0.string(requestID)
            if !details.isEmpty {
                $0.name("details")
                $0.array { for violation in details { violation.write(to: &$0) } }
            }
            if !violatedPolicies.isEmpty {
                $0.name("violated-policies")
                $0.array { for policy in violatedPolicies { $0.string(policy) } }
            }
        }
        return writer.bytes
    }

    /// Hummingbird's way in, for a problem that is thrown past every responder of ours.
    package func response(from request: Request, context: some RequestContext) -> Response {
        response(path: request.uri.path, requestID: (context as? CallContext)?.requestID ?? RequestIdentity.requestID(of: request))
    }
}

extension Violation {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.object {
            $0.name("field")
            $0.string(field)
            $0.name("message")
            $0.string(message)
        }
    }
}

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
