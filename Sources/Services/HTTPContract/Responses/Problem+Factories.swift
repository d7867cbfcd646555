package import HTTPTypes

extension Problem {
    /// 400: the request can't be read.
    package static func malformed(_ detail: String) -> Problem { Problem(.malformedRequest, detail) }

    /// 400: the body refers to something that does not exist.
    package static func foreignKeyViolation(_ detail: String) -> Problem { Problem(.foreignKeyViolation, detail) }

    /// 401, with the challenge that RFC 9110 §11.6.1 asks for.
    package static func unauthenticated(_ detail: String = "Sign in and send the access token.") -> Problem {
        Problem(.unauthenticated, detail, headers: [.wwwAuthenticate: "Bearer"])
    }

    /// 403: known, but without the right.
    package static func forbidden(_ detail: String = "You may not do this.") -> Problem { Problem(.forbidden, detail) }

    /// 404: not there, or not visible to this caller; the two look the same.
    package static func notFound(_ detail: String = "There is no such thing here.") -> Problem { Problem(.notFound, detail) }

    /// 405 with `Allow`.
    package static func methodNotAllowed(allow: String) -> Problem {
        Problem(.methodNotAllowed, "Here only \(allow) can be used.", headers: [.allow: allow])
    }

    /// 408: the server has waited for the request long enough.
    package static func requestTimeout() -> Problem { Problem(.requestTimeout, "The request did not arrive in time.") }

    /// 409: a unique value is another's.
    package static func duplicate(field: String) -> Problem {
        Problem(.duplicateEntry, "This \(field) is taken.", details: [Violation(field, "is taken")])
    }

    /// 409: a rule refuses it as things stand.
    package static func conflict(_ detail: String) -> Problem { Problem(.conflict, detail) }

    /// 409: a reader asks to go on after a position that the log has never had.
    package static func positionAhead(of head: Int64) -> Problem {
        Problem(.positionAhead, "The log ends at position \(head): it was restored to an earlier state, or is another one.")
    }

    /// 412: the entity has another version than `If-Match` says.
    package static func preconditionFailed(_ detail: String = "The version in If-Match is not the present one.") -> Problem {
        Problem(.preconditionFailed, detail)
    }

    /// 413.
    package static func payloadTooLarge(limit: Int) -> Problem { Problem(.payloadTooLarge, "A body may have \(limit) bytes at most.") }

    /// 414.
    package static func targetTooLong(limit: Int) -> Problem { Problem(.targetTooLong, "A request target may have \(limit) bytes at most.") }

    /// 415.
    package static func unsupportedMediaType(_ detail: String = "Send JSON as application/json.") -> Problem {
        Problem(.unsupportedMediaType, detail)
    }

    /// 422: well-formed, but not acceptable; every field at once.
    /// - Parameter count: how many there are, where not all of them are named.
    package static func validation(_ violations: [Violation], of count: Int? = nil) -> Problem {
        let count = count ?? violations.count
        let rest = count > violations.count ? "; the first \(violations.count) are named" : ""
        return Problem(.validationError, "\(count == 1 ? "One field is" : "\(count) fields are") not acceptable\(rest).", details: violations)
    }

    /// 422: one field.
    package static func validation(_ field: String, _ message: String) -> Problem { validation([Violation(field, message)]) }

    /// 422: the key came with another request before.
    package static func idempotencyKeyReused() -> Problem {
        Problem(.idempotencyKeyReused, "This Idempotency-Key came with a different request before.")
    }

    /// 429. `policy` is the limit's name, `retryAfter` in seconds; the `RateLimit` headers are the limiter's to add.
    package static func rateLimited(policy: String, retryAfter: Int, headers: HTTPFields = [:]) -> Problem {
        let seconds = max(1, retryAfter)
        var problem = Problem(.rateLimited, "Too many requests; try again in \(seconds) s.", headers: headers.with(retryAfter: seconds))
        problem.violatedPolicies = [policy]
        return problem
    }

    /// 431.
    package static func headTooLarge(bytes: Int, fields: Int) -> Problem {
        Problem(.headTooLarge, "A request line and its header fields may have \(bytes) bytes at most, in \(fields) fields at most.")
    }

    /// 500. The cause is in the log, under the request id.
    package static func internalError() -> Problem {
        Problem(.internalError, "The request failed for a reason of ours. Name the requestId when you report it.")
    }

    /// 501.
    package static func notImplemented(_ detail: String) -> Problem { Problem(.notImplemented, detail) }

    /// 502: a service's answer could not be read, or broke off.
    package static func badUpstream() -> Problem {
        Problem(
            .badUpstream,
            "A service's answer could not be read. The outcome of a command is unknown: repeat it with the same Idempotency-Key, and it happens once."
        )
    }

    /// 503. `retryAfter` in seconds.
    package static func unavailable(_ detail: String = "A part that this needs is not available.", retryAfter: Int = 1) -> Problem {
        Problem(.unavailable, detail, headers: HTTPFields().with(retryAfter: retryAfter))
    }

    /// 503: `Wait-For-Position` was not reached in time. `retryAfter` in seconds.
    package static func readModelBehind(position: Int64, retryAfter: Int = 1) -> Problem {
        Problem(.readModelBehind, "The read model has reached position \(position) so far.", headers: HTTPFields().with(retryAfter: retryAfter))
    }

    /// 504: the log did not answer, and may have taken the command.
    package static func outcomeUnknown() -> Problem {
        Problem(
            .timeout,
            "The log did not answer. The outcome of the command is unknown: repeat it with the same Idempotency-Key, and it happens once.")
    }

    /// 504.
    package static func timeout() -> Problem {
        Problem(.timeout, "The deadline passed. The outcome of a command is unknown: repeat it with the same Idempotency-Key, and it happens once.")
    }
}

extension HTTPFields {
    fileprivate func with(retryAfter seconds: Int) -> HTTPFields {
        var fields = self
        fields[.retryAfter] = String(Swift.max(1, seconds))
        return fields
    }
}
