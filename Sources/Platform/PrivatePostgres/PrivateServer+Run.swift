import Logging
import Postgres

extension PrivateServer {
    /// Starts the server again whenever it ends unasked. Run it after `start()`, beside the server's users; it returns when the server is stopped or
    /// let go of, or the task is cancelled. Throws when five servers or starts have ended within a minute.
    package func run() async throws(PrivateServerError) {
        let watch = try EndWatch()
        var ends: [ContinuousClock.Instant] = []
        var failure: PrivateServerError?
        while await endsUnasked(watch) {
            let now = ContinuousClock.now
            ends = ends.filter { now - $0 < .seconds(60) } + [now]
            guard ends.count < 5 else { throw failure ?? .keepsEnding(logTail: logTail) }
            logger.warning("private PostgreSQL ended by itself and is started again", metadata: ["because": "\(failure?.description ?? logTail)"])
            // The first time at once; then what is wrong gets a little more time to pass each time.
            do { try await Task.sleep(for: .milliseconds(500 * (ends.count - 1))) } catch { return }
            do throws(PrivateServerError) {
                try await restart()
                failure = nil
            } catch {
                failure = error
            }
        }
    }

    /// Waits for the server's end. False when it was asked for, or the wait was cancelled.
    private func endsUnasked(_ watch: EndWatch) async -> Bool {
        if let pid = processID {
            let hasEnded = await withTaskCancellationHandler {
                await onOwnThread("postgres-watch") { watch.waitForEnd(of: pid) }
            } onCancel: {
                watch.giveUp()
            }
            if hasEnded { forget(pid) }
        }
        return !Task.isCancelled && isHeld
    }

    private var logTail: String { ServerFolder(existing: directory)?.logTail(lines: 1) ?? "its folder is gone" }
}
