import Logging
import Postgres

extension PrivateServer {
    /// Starts the server again whenever it ends unasked. Run it after `start()`, beside the server's users; it returns when the server is stopped or
    /// let go of, or the task is cancelled. Throws when five servers or starts have ended within a minute, unless the disk is full: then it tries
    /// until there is room.
    package func run() async throws(PrivateServerError) {
        let watch = try EndWatch()
        var ends: [ContinuousClock.Instant] = []
        var failure: PrivateServerError?
        var told: String?
        while await endsUnasked(watch) {
            let now = ContinuousClock.now
            ends = ends.filter { now - $0 < .seconds(60) } + [now]
            let cause = failure ?? ended
            if cause.saysDiskIsFull { ends = Array(ends.suffix(4)) }
            guard ends.count < 5 else { throw cause }
            // A disk may stay full for hours: one line is enough.
            if told != cause.description {
                logger.warning("private PostgreSQL ended by itself and is started again", metadata: ["because": "\(cause)"])
                told = cause.description
            }
            // The first time at once; then the trouble gets a little more time to pass each time.
            do { try await Task.sleep(for: .milliseconds(500 * (ends.count - 1))) } catch { return }
            do throws(PrivateServerError) {
                try await restart()
                logger.notice("private PostgreSQL is up again")
                (failure, told) = (nil, nil)
            } catch {
                failure = error
            }
        }
    }

    /// Why the server that ran has ended, as far as can be told.
    private var ended: PrivateServerError {
        guard let folder else { return .keepsEnding(logTail: "its folder is gone") }
        let error = PrivateServerError.keepsEnding(logTail: folder.logTail())
        return error.saysDiskIsFull || folder.isFull ? .diskFull(folder.path) : error
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
}
