import Logging
import Postgres

extension PrivateServer {
    /// Starts the server again whenever it ends without having been asked to. Run it after `start()`, beside what uses the server; it returns when
    /// the server is stopped or let go of, or the task is cancelled.
    ///
    /// On a shortage that may pass, such as a full disk, it goes on trying. Throws when five servers or starts have ended within a minute for another
    /// reason.
    package func run() async throws(PrivateServerError) {
        let watch = try EndWatch()
        var ends: [ContinuousClock.Instant] = []
        var told: String?
        while await endsUnasked(watch) {
            var failure = PrivateServerError.keepsEnding(logTail: logTail)
            repeat {
                let now = ContinuousClock.now
                ends = ends.filter { now - $0 < .seconds(60) } + [now]
                if ends.count == 1 { told = nil }
                guard ends.count < 5 || failure.mayPass else { throw failure }
                if told != failure.description {
                    told = failure.description
                    logger.warning("private PostgreSQL has ended and is started again until it stays", metadata: ["because": "\(failure)"])
                }
                // The first time at once; then the trouble gets a little more time to pass each time.
                do { try await Task.sleep(for: min(.milliseconds(500 * (ends.count - 1)), .seconds(5))) } catch { return }
                do throws(PrivateServerError) {
                    try await restart()
                    if processID != nil { logger.notice("private PostgreSQL is up again") }
                    break
                } catch {
                    failure = error
                    logger.debug("private PostgreSQL did not start", metadata: ["because": "\(error)"])
                }
            } while isHeld && !Task.isCancelled
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

    private var logTail: String { ServerFolder(existing: directory)?.log.tail() ?? "its folder is gone" }
}
