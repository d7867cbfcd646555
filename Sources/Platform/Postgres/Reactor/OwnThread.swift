import CLinuxIO
import Glibc

/// Runs blocking work on a thread of its own, never on Swift's cooperative pool. For rare work: connecting, cancelling.
package func onOwnThread<T: Sendable>(_ name: String, _ work: @escaping @Sendable () -> T) async -> T {
    await withUnsafeContinuation { continuation in
        startThread(name) { continuation.resume(returning: work()) }
    }
}

/// Starts a detached thread. The program can't go on without its threads, so a machine that has none left ends it.
package func startThread(_ name: String, _ body: @escaping @Sendable () -> Void) {
    let start = Unmanaged.passRetained(ThreadBody(name, body))
    var thread = pthread_t()
    let status = pthread_create(
        &thread, nil,
        { argument in
            guard let argument else { return nil }
            let start = Unmanaged<ThreadBody>.fromOpaque(argument).takeRetainedValue()
            linux_name_thread(start.name)
            start.run()
            return nil
        }, start.toOpaque())
    guard status == 0 else { fatalError("pthread_create: \(String(cString: strerror(status)))") }
    pthread_detach(thread)
}

private final class ThreadBody: Sendable {
    let name: String
    let run: @Sendable () -> Void

    init(_ name: String, _ run: @escaping @Sendable () -> Void) {
        self.name = name
        self.run = run
    }
}
