import EventSourcing
import NIOCore
import NIOPosix
import Synchronization

/// The time between the order to stop and the stop. The process is not ready any more, so its callers go elsewhere; connections end with their next
/// response; and whoever comes is served all the same. Nobody then meets a connection that closes under a request.
package final class Drain: Sendable {
    private let isBegun = Atomic(false)
    private let signal = Signal()
    private let listeners = Mutex<[any Channel]>([])

    package init() {}

    package var hasBegun: Bool { isBegun.load(ordering: .relaxed) }

    package func begin() {
        isBegun.store(true, ordering: .relaxed)
        signal.finish()
    }

    /// Has `stopAccepting` stop this listener, too.
    func add(_ listener: any Channel) { listeners.withLock { $0.append(listener) } }

    /// Takes no more connections, and returns when those that were taken are set up. The server ends the process over a connection that it accepts
    /// while it closes: nobody is left to take it.
    package func stopAccepting() async {
        for listener in listeners.withLock({ $0 }) {
            // One that has closed accepts nothing either.
            try? await listener.eventLoop.submit {
                try listener.pipeline.syncOperations.handler(type: AcceptBackoff.self).stop()
            }.get()
        }
        for _ in 0..<3 {
            for loop in MultiThreadedEventLoopGroup.singleton.makeIterator() { try? await loop.submit {}.get() }
        }
    }

    /// Returns when it begins.
    package func wait() async throws { try await signal.wait() }
}

extension Drain: Equatable {
    package static func == (left: Drain, right: Drain) -> Bool { left === right }
}
