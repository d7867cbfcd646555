import HTTPContract
import HTTPTypes
import Hummingbird

/// Headers that keep browsers from doing more with an answer than showing data. A route's own value wins, as the documentation page needs.
enum SecurityHeaders {
    static func mark(_ headers: inout HTTPFields, of request: Request) {
        headers[.xContentTypeOptions] = "nosniff"
        headers[.frameOptions] = "DENY"
        headers[.referrerPolicy] = "no-referrer"
        if !headers.contains(.contentSecurityPolicy) { headers[.contentSecurityPolicy] = "default-src 'none'; frame-ancestors 'none'" }
        let isShareable = request.method == .get || request.method == .head
        // What one caller may see is not kept for the next one.
        if !isShareable || request.headers.contains(.authorization) { headers[.cacheControl] = "no-store" }
    }
}
