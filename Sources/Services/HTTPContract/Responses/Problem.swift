package import HTTPTypes
import Hummingbird

/// A failure as its caller sees it: an RFC 9457 problem that is thrown anywhere in a handler and renders itself. Carries nothing that must not leave
/// the service.
package struct Problem: Error, HTTPResponseError, Equatable {
    package let code: Code
    /// One sentence for the caller, about this occurrence.
    package var detail: String
    /// The fields that were refused; only for validation and duplicates.
    package var details: [Violation]
    /// The rate limits that were exceeded, by name (draft-ietf-httpapi-ratelimit-headers-11 §5).
    package var violatedPolicies: [String] = []
    /// Further headers, such as `Retry-After`.
    package var headers: HTTPFields

    package init(_ code: Code, _ detail: String, details: [Violation] = [], headers: HTTPFields = [:]) {
        self.code = code
        self.detail = detail
        self.details = details
        self.headers = headers
    }

    package var status: HTTPResponse.Status { code.status }
    package var title: String { code.title }
}

/// One field of a request that is not acceptable, and why.
package struct Violation: Sendable, Equatable {
    package let field: String
    package let message: String

    package init(_ field: String, _ message: String) {
        self.field = field
        self.message = message
    }
}

extension Problem {
    /// The stable names of everything that can go wrong; clients switch over them.
    package enum Code: String, Sendable, CaseIterable {
        case malformedRequest = "MALFORMED_REQUEST"
        case foreignKeyViolation = "FOREIGN_KEY_VIOLATION"
        case unauthenticated = "UNAUTHENTICATED"
        case forbidden = "FORBIDDEN"
        case notFound = "NOT_FOUND"
        case methodNotAllowed = "METHOD_NOT_ALLOWED"
        case duplicateEntry = "DUPLICATE_ENTRY"
        case requestTimeout = "REQUEST_TIMEOUT"
        case conflict = "CONFLICT"
        case positionAhead = "POSITION_AHEAD"
        case preconditionFailed = "PRECONDITION_FAILED"
        case payloadTooLarge = "PAYLOAD_TOO_LARGE"
        case targetTooLong = "URI_TOO_LONG"
        case unsupportedMediaType = "UNSUPPORTED_MEDIA_TYPE"
        case validationError = "VALIDATION_ERROR"
        case idempotencyKeyReused = "IDEMPOTENCY_KEY_REUSED"
        case rateLimited = "RATE_LIMITED"
        case headTooLarge = "REQUEST_HEADER_FIELDS_TOO_LARGE"
        case internalError = "INTERNAL_ERROR"
        case notImplemented = "NOT_IMPLEMENTED"
        case badUpstream = "BAD_UPSTREAM"
        case unavailable = "UNAVAILABLE"
        case readModelBehind = "READ_MODEL_BEHIND"
        case timeout = "TIMEOUT"
    }
}

extension Problem.Code {
    package var status: HTTPResponse.Status {
        switch self {
        case .malformedRequest, .foreignKeyViolation: .badRequest
        case .unauthenticated: .unauthorized
        case .forbidden: .forbidden
        case .notFound: .notFound
        case .methodNotAllowed: .methodNotAllowed
        case .requestTimeout: .requestTimeout
        case .duplicateEntry, .conflict, .positionAhead: .conflict
        case .preconditionFailed: .preconditionFailed
        case .payloadTooLarge: .contentTooLarge
        case .targetTooLong: .uriTooLong
        case .unsupportedMediaType: .unsupportedMediaType
        case .validationError, .idempotencyKeyReused: .unprocessableContent
        case .rateLimited: .tooManyRequests
        case .headTooLarge: .requestHeaderFieldsTooLarge
        case .internalError: .internalServerError
        case .notImplemented: .notImplemented
        case .badUpstream: .badGateway
        case .unavailable, .readModelBehind: .serviceUnavailable
        case .timeout: .gatewayTimeout
        }
    }

    /// The same words for every occurrence (RFC 9457 §3.1.4).
    package var title: String {
        switch self {
        case .malformedRequest: "The request is malformed"
        case .foreignKeyViolation: "The request refers to something that does not exist"
        case .unauthenticated: "Authentication is needed"
        case .forbidden: "Not allowed"
        case .notFound: "Not found"
        case .methodNotAllowed: "The method is not allowed here"
        case .requestTimeout: "The request took too long to arrive"
        case .duplicateEntry: "Already taken"
        case .conflict: "Not possible in the present state"
        case .positionAhead: "The log has never had this position"
        case .preconditionFailed: "The precondition does not hold"
        case .payloadTooLarge: "The body is too large"
        case .targetTooLong: "The request target is too long"
        case .unsupportedMediaType: "The body's media type is not supported"
        case .validationError: "The request is not acceptable"
        case .idempotencyKeyReused: "The idempotency key was used for another request"
        case .rateLimited: "Too many requests"
        case .headTooLarge: "The header fields are too large"
        case .internalError: "Something went wrong here"
        case .notImplemented: "The request asks for something that this server does not know"
        case .badUpstream: "A service did not answer properly"
        case .unavailable: "Not available at the moment"
        case .readModelBehind: "The read model has not come that far yet"
        case .timeout: "The deadline passed"
        }
    }

    /// The problem's `type`: stable, and no address to be followed.
    package var type: String {
        "urn:annals:problem:" + rawValue.lowercased().split(separator: "_").joined(separator: "-")
    }
}
