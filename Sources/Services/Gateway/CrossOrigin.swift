import HTTPContract
import HTTPTypes
import Hummingbird

/// Which origins may call from a browser (the Fetch standard's CORS protocol). Everyone together with credentials can't be said.
package enum CrossOrigin: Sendable, Equatable {
    case nobody
    /// `*`, without credentials.
    case everyone
    /// Origins as browsers write them, such as `https://example.org`.
    case only(Set<String>, withCredentials: Bool)

    /// Why configured origins were not taken.
    package enum Mistake: Error, Equatable {
        /// `*` beside credentials, or beside other origins.
        case wildcard
        /// Not `scheme://host` or `scheme://host:port`.
        case notAnOrigin(String)
    }

    /// Reads the configured origins; none means nobody.
    package init(origins: [String], withCredentials: Bool) throws(Mistake) {
        if origins.contains("*") {
            guard origins.count == 1, !withCredentials else { throw .wildcard }
            self = .everyone
            return
        }
        for origin in origins {
            let parts = origin.split(separator: "/", omittingEmptySubsequences: false)
            guard parts.count == 3, parts[0] == "http:" || parts[0] == "https:", parts[1].isEmpty, !parts[2].isEmpty, origin == origin.lowercased()
            else {
                throw .notAnOrigin(origin)
            }
        }
        self = origins.isEmpty ? .nobody : .only(Set(origins), withCredentials: withCredentials)
    }

    private static let exposed =
        "ETag, Location, Position, Read-Model-Position, Idempotency-Replayed, Retry-After, RateLimit, RateLimit-Policy, "
        + "X-Request-ID, traceparent, WWW-Authenticate, Allow"
    private static let taken =
        "Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key, Wait-For-Position, Prefer, X-Request-ID, "
        + "traceparent, tracestate, baggage, sentry-trace, DNT, Last-Event-ID"

    /// Whether a request asks what it would be allowed to do, before it is made.
    static func isPreflight(_ request: Request) -> Bool {
        request.method == .options && request.headers.contains(.origin) && request.headers.contains(.accessControlRequestMethod)
    }

    /// Adds what a browser must know to hand the answer to the page.
    func mark(_ headers: inout HTTPFields, origin: WireText?) {
        guard let allowed = allow(origin, in: &headers) else { return }
        headers[.accessControlAllowOrigin] = allowed
        headers[.accessControlExposeHeaders] = Self.exposed
    }

    /// Adds the answer to a preflight for a path with these methods.
    func markPreflight(_ headers: inout HTTPFields, origin: WireText?, methods: String) {
        guard let allowed = allow(origin, in: &headers) else { return }
        headers[.accessControlAllowOrigin] = allowed
        headers[.accessControlAllowMethods] = methods
        headers[.accessControlAllowHeaders] = Self.taken
        headers[.accessControlMaxAge] = "600"
    }

    /// The value of `Access-Control-Allow-Origin`, nil when that origin may not call. Where it depends on the caller, `Vary` tells caches, even when
    /// it is nil.
    private func allow(_ origin: WireText?, in headers: inout HTTPFields) -> String? {
        switch self {
        case .nobody: return nil
        case .everyone: return origin == nil ? nil : "*"
        case .only(let origins, let withCredentials):
            headers.append(HTTPField(name: .vary, value: "Origin"))
            guard let origin, let allowed = origins.first(where: { WireText($0) == origin }) else { return nil }
            if withCredentials { headers[.accessControlAllowCredentials] = "true" }
            return allowed
        }
    }
}
