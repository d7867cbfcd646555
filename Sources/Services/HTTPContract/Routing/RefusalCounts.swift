import CoreMetrics
package import PublishingAPI
import Synchronization

/// Requests that were answered with a problem, by its code.
package final class RefusalCounts: Sendable {
    private let service: String
    private let counters = Mutex<[Problem.Code: Counter]>([:])

    package init(_ service: ServiceName) { self.service = service.rawValue }

    func count(_ code: Problem.Code) {
        counters.withLock { counters in
            let counter =
                counters[code] ?? Counter(label: "annals_refusals_total", dimensions: [("code", code.rawValue), ("service", service)])
            counters[code] = counter
            counter.increment()
        }
    }
}
