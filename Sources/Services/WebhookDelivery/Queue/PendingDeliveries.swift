package import FoundationEssentials
import Synchronization

/// How many deliveries of each webhook wait, as last counted where they are delivered. Metrics show sums only: users make webhooks, and a label for
/// each would grow without end.
package final class PendingDeliveries: Sendable {
    private let counts = Mutex<[UUID: Int64]>([:])

    /// All of them, and those of the webhook with the most; nil while nothing is delivered here.
    package var summary: (total: Int64, most: Int64)? {
        counts.withLock { counts in counts.values.max().map { (total: counts.values.reduce(0, +), most: $0) } }
    }

    func note(_ count: Int64, of webhook: UUID) { counts.withLock { $0[webhook] = count } }

    /// The webhook is no more.
    func forget(_ webhook: UUID) { counts.withLock { $0[webhook] = nil } }

    /// Another process delivers from now on, or none.
    func clear() { counts.withLock { $0 = [:] } }
}
