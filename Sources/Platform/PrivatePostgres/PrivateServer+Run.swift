import CLinuxIO
import Glibc
import Logging
package import Postgres

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

extension PrivateServer {
    /// Where a running server's socket is.
    package struct Location: Sendable, Equatable {
        /// The folder of the socket.
        package let socketFolder: String
        /// The socket's number.
        package let port: Int

        /// How to connect to a database, as the superuser.
        package func target(database: String) -> ConnectionTarget {
            ConnectionTarget(socketDirectory: socketFolder, port: port, user: "postgres", database: database)
        }
    }

    /// The server that runs in `directory`, started by any program; nil when none does.
    package static func locate(directory: String) -> Location? {
        guard let folder = ServerFolder(existing: directory), let running = Postmaster.running(on: folder) else { return nil }
        return Location(socketFolder: running.socketFolder, port: running.port)
    }
}

/// Waits for the end of processes, without reaping them, until it is told to give up.
final class EndWatch: Sendable {
    private let wakeup: Int32

    /// Throws when the program has no descriptors left.
    init() throws(PrivateServerError) {
        wakeup = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        guard wakeup >= 0 else { throw .keepsEnding(logTail: "it can't be watched: \(String(cString: strerror(errno)))") }
    }

    deinit { close(wakeup) }

    /// Blocks until the process has ended (true) or the watch has given up (false).
    func waitForEnd(of pid: pid_t) -> Bool {
        while true {
            let process = linux_pidfd(pid)
            if process < 0, errno == ESRCH { return true }
            defer { if process >= 0 { close(process) } }
            var pollers = [pollfd(fd: wakeup, events: Int16(POLLIN), revents: 0), pollfd(fd: process, events: Int16(POLLIN), revents: 0)]
            // Without a descriptor left for the process, which poll then passes over, try again in a second.
            guard poll(&pollers, 2, process < 0 ? 1000 : -1) > 0 else { continue }
            return pollers[0].revents == 0
        }
    }

    /// Ends the wait under way and all later ones.
    func giveUp() { eventfd_write(wakeup, 1) }
}
