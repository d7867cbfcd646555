import CoreMetrics
import NIOHTTP1
import PublishingAPI
import Synchronization

/// How long attempts at calls to another process's service take until their answer's head is there: the metric `http_client_request_duration_seconds`
/// of OpenTelemetry's conventions, by service.
///
/// Its labels are bounded: only calls that an endpoint's method has are handed on.
final class AttemptDurations: Sendable {
    enum End: Hashable {
        case answered(status: Int)
        case failed(UpstreamFailure.Kind)
    }

    private struct Key: Hashable {
        let method: String
        let end: End
    }

    private let upstream: String
    private let timers = Mutex<[Key: Timer]>([:])

    init(_ service: ServiceName) { upstream = service.rawValue }

    func record(_ method: HTTPMethod, _ end: End, since start: ContinuousClock.Instant) {
        let (seconds, attoseconds) = (ContinuousClock.now - start).components
        timer(Key(method: method.rawValue, end: end)).recordNanoseconds(seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
    }

    private func timer(_ key: Key) -> Timer {
        timers.withLock { timers in
            if let known = timers[key] { return known }
            var labels = [("upstream", upstream), ("http_request_method", key.method)]
            switch key.end {
            case .answered(let status):
                labels.append(("http_response_status_code", "\(status)"))
                if status >= 500 { labels.append(("error_type", "\(status)")) }
            case .failed(let kind): labels.append(("error_type", kind.rawValue))
            }
            let timer = Timer(label: "http_client_request_duration_seconds", dimensions: labels)
            timers[key] = timer
            return timer
        }
    }
}
