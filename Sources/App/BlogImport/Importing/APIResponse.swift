package import JSON

/// The answer to one request.
package struct APIResponse: Sendable {
    package let status: Int
    /// Nil when the answer has no body or one that is not JSON.
    package let body: JSONValue?
    /// The `Position` field of a command's answer.
    package var position: Int64?
    /// The version of the `ETag` field.
    package var version: Int?
    /// The `Retry-After` field.
    package var retryAfter: Duration?
    /// Whether this is the stored answer to a request made before.
    package var isReplay = false

    package init(
        status: Int, body: JSONValue?, position: Int64? = nil, version: Int? = nil, retryAfter: Duration? = nil, isReplay: Bool = false
    ) {
        self.status = status
        self.body = body
        self.position = position
        self.version = version
        self.retryAfter = retryAfter
        self.isReplay = isReplay
    }

    package var isSuccess: Bool { 200..<300 ~= status }

    /// The machine-readable reason of a problem.
    package var code: String? { body?["code"]?.text }

    /// Whether trying again unchanged could help.
    package var isTransient: Bool { [429, 502, 503, 504].contains(status) }
}

/// A request that the system understood and did not grant.
package struct APIRefusal: Error, Equatable, CustomStringConvertible {
    package let status: Int
    package let code: String?
    /// One line: code, detail, and each field that was refused.
    package let description: String

    package init(_ response: APIResponse) {
        status = response.status
        code = response.code
        let problem = response.body
        var fields: [String] = []
        if case .array(let details)? = problem?["details"] {
            fields = details.compactMap { detail in detail["field"]?.text.map { "\($0) \(detail["message"]?.text ?? "")" } }
        }
        let head = "\(response.status) \(response.code ?? "")".trimmed
        description = ([head, problem?["detail"]?.text].compactMap(\.self) + (fields.isEmpty ? [] : [fields.joined(separator: ", ")])).joined(
            separator: ": ")
    }
}
