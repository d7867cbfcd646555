import CoreMetrics
package import Hummingbird
package import PublishingAPI
import Synchronization

/// How long requests take until their answer's head is ready, by method, route and status: the metric `http_server_request_duration_seconds` of
/// OpenTelemetry's conventions.
///
/// Its labels are bounded: routes are the templates of the table of endpoints, and a method that none of them has is `_OTHER`.
package final class RequestDurations: Sendable {
    private struct Key: Hashable {
        let endpoint: Endpoint?
        let method: String
        let status: Int
    }

    private let service: String
    private let timers = Mutex<[Key: Timer]>([:])

    package init(_ service: ServiceName) { self.service = service.rawValue }

    package func record(_ request: Request, _ endpoint: Endpoint?, _ status: Int, since start: ContinuousClock.Instant) {
        let key = Key(endpoint: endpoint, method: request.knownMethod, status: status)
        let (seconds, attoseconds) = (ContinuousClock.now - start).components
        timer(key).recordNanoseconds(seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
    }

    private func timer(_ key: Key) -> Timer {
        timers.withLock { timers in
            if let known = timers[key] { return known }
            var labels = [
                ("http_request_method", key.method), ("http_route", key.endpoint?.route.path ?? ""), ("http_response_status_code", "\(key.status)"),
                ("service", service),
            ]
            if key.status >= 500 { labels.append(("error_type", "\(key.status)")) }
            let timer = Timer(label: "http_server_request_duration_seconds", dimensions: labels)
            timers[key] = timer
            return timer
        }
    }
}

extension Request {
    private static let knownMethods: Set<String> = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]

    /// The method; `_OTHER` for one that no endpoint has, so that callers can't make up values.
    var knownMethod: String {
        let method = method.rawValue
        return Self.knownMethods.contains(method) ? method : "_OTHER"
    }
}
