import HTTPContract
import HTTPTypes
import Hummingbird

/// Headers that keep browsers from doing more with a response than showing data. A route's own content policy wins, as the documentation page needs,
/// and so does its own `Cache-Control`.
enum SecurityHeaders {
    /// The headers of every response, including those that the server below gives by itself.
    static let always: [(name: HTTPField.Name, value: String)] = [
        (.xContentTypeOptions, "nosniff"), (.frameOptions, "DENY"), (.referrerPolicy, "no-referrer"),
        (.contentSecurityPolicy, "default-src 'none'; frame-ancestors 'none'"),
    ]

    static func mark(_ headers: inout HTTPFields, of request: Request, strictTransportSecurity: Duration?) {
        for header in always where header.name != .contentSecurityPolicy || !headers.contains(header.name) { headers[header.name] = header.value }
        if let age = strictTransportSecurity { headers[.strictTransportSecurity] = "max-age=\(age.components.seconds); includeSubDomains" }
        let isShareable = request.method == .get || request.method == .head
        // A response to one caller is not kept for the next one.
        guard !headers.contains(.cacheControl), !isShareable || request.headers.contains(.authorization) else { return }
        headers[.cacheControl] = "no-store"
    }
}
