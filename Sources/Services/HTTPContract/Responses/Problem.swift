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
