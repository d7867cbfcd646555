import EventSourcing
import Synchronization

/// The time between the order to stop and the stop. The process is not ready any more, so its callers go elsewhere; connections end with their next
/// response; and whoever comes is served all the same. Nobody then meets a connection that closes under a request.
package final class Drain: Sendable {
    private let isBegun = Atomic(false)
    private let signal = Signal()

    package init() {}

    package var hasBegun: Bool { isBegun.load(ordering: .relaxed) }

    package func begin() {
        isBegun.store(true, ordering: .relaxed)
        signal.finish()
    }

    /// Returns when it begins.
    package func wait() async throws { try await signal.wait() }
}

extension Drain: Equatable {
    package static func == (left: Drain, right: Drain) -> Bool { left === right }
}
