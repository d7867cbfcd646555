import Glibc
package import Logging
package import Postgres
import Synchronization

/// A private PostgreSQL server: a child process on a folder, reachable only through a socket in that folder.
///
/// It outlives a killed parent on purpose: the next `start()` adopts it. The lock in the folder decides which program runs it.
package final class PrivateServer: Sendable {
    private struct State {
        var lock: ServerLock?
        var postmaster: Postmaster?
        var location: Location?
        /// Stops that wait for a start under way, which they cut short.
        var waitingStops = 0
    }

    let directory: String
    private let port: Int
    private let durability: Durability
    private let binaries: String?
    private let backups: String?
    private let recovery: Recovery?
    let logger: Logger
    private let state = Mutex(State())
    /// Held during a start and during a stop, on threads of their own: a stop never misses a server that is being started.
    private let transition = Mutex(())

    /// A server on `directory`, which is made when missing. `port` only numbers the socket; nothing listens on the network. `binaries` is a folder to
    /// look for the server's programs in first. `backups` is the folder of backups, which WAL is archived in; nil archives none.
    package convenience init(
        directory: String, port: Int = 5432, durability: Durability = .full, binaries: String? = nil, backups: String? = nil, logger: Logger
    ) {
        self.init(directory: directory, port: port, durability: durability, binaries: binaries, backups: backups, recovery: nil, logger: logger)
    }

    init(directory: String, port: Int, durability: Durability, binaries: String?, backups: String?, recovery: Recovery?, logger: Logger) {
        self.directory = directory
        self.port = port
        self.durability = durability
        self.binaries = binaries
        self.backups = backups
        self.recovery = recovery
        self.logger = logger
    }

    /// Whether this machine has a PostgreSQL server to run.
    package static var isInstalled: Bool { (try? ServerBinaries.find(version: nil)) != nil }

    /// Starts the server, making its database cluster the first time, or adopts one left by a program that was killed. Returns when it answers.
    package func start() async throws(PrivateServerError) { try await start { _ in true } }

    /// Starts the server again unless it was stopped or let go of, or runs already.
    func restart() async throws(PrivateServerError) { try await start { $0.lock != nil && $0.postmaster == nil } }

    private func start(if isWanted: @escaping @Sendable (borrowing State) -> Bool) async throws(PrivateServerError) {
        let isAbandoned = Flag()
        let result = await withTaskCancellationHandler {
            await onOwnThread("postgres-start") { [self] in
                Result { () throws(PrivateServerError) in try startBlocking(if: isWanted) { isAbandoned.isSet } }
            }
        } onCancel: {
            isAbandoned.set()
        }
        try result.get()
    }

    /// Stops the server: transactions under way are rolled back. After `limit` it is stopped hard, which costs a recovery at the next start.
    package func stop(within limit: Duration = .seconds(30)) async {
        await onOwnThread("postgres-stop") { [self] in stopBlocking(within: limit) }
    }

    /// Stops the server from a place that can't await, such as a program's exit.
    package func stopBlocking(within limit: Duration = .seconds(30)) {
        state.withLock { $0.waitingStops += 1 }
        transition.withLock { _ in
            state.withLock { $0.waitingStops -= 1 }
            stopAlone(within: limit)
        }
    }

    private func stopAlone(within limit: Duration) {
        // Let go of only once the server has stopped: another program would find it half way down.
        let (lock, postmaster, location) = state.withLock { state in (state.lock.take(), state.postmaster.take(), state.location.take()) }
        defer {
            if let location { ServerFolder(existing: directory)?.removeSocketFolder(location.socketFolder) }
            withExtendedLifetime(lock) {}
        }
        guard let postmaster else { return }
        for (signal, patience) in [(SIGINT, limit), (SIGQUIT, .seconds(10)), (SIGKILL, .seconds(10))] {
            postmaster.signal(signal)
            if postmaster.waitForEnd(patience) { return }
        }
    }

    /// Lets go of the server without stopping it, as a killed program does: the next start on the folder adopts it.
    package func letGo() { state.withLock { $0 = State() } }

    /// Kills the server as a crash would, for tests; `start()` brings it back. Returns when it is gone.
    package func kill() async {
        guard let postmaster = state.withLock({ $0.postmaster.take() }) else { return }
        postmaster.signal(SIGKILL)
        _ = await onOwnThread("postgres-kill") { postmaster.waitForEnd(.seconds(10)) }
    }

    /// How to connect to a database of it, as its superuser. Call after `start()`; nil before.
    package func target(database: String) -> ConnectionTarget? {
        state.withLock(\.location)?.target(database: database)
    }

    /// The postmaster's process id; nil when it isn't running.
    package var processID: Int32? { state.withLock(\.postmaster)?.pid }

    /// False once the server was stopped or let go of, and before it is started.
    var isHeld: Bool { state.withLock { $0.lock != nil } }

    /// Reaps a server that has ended. Done under the lock, so that nobody signals a process id that is free to be another's.
    func forget(_ pid: pid_t) {
        state.withLock { state in
            guard let postmaster = state.postmaster, postmaster.pid == pid else { return }
            _ = postmaster.waitForEnd(.zero)
            state.postmaster = nil
        }
    }

    /// The same as `start()` from a place that can't await. `isAbandoned` is asked now and then and ends the attempt.
    package func startBlocking(isAbandoned: () -> Bool = { false }) throws(PrivateServerError) {
        try startBlocking(if: { _ in true }, isAbandoned: isAbandoned)
    }

    private func startBlocking(if isWanted: (borrowing State) -> Bool, isAbandoned: () -> Bool) throws(PrivateServerError) {
        try transition.withLock { _ throws(PrivateServerError) in
            guard state.withLock({ isWanted($0) }) else { return }
            try startAlone { isAbandoned() || state.withLock { $0.waitingStops > 0 } }
        }
    }

    private func startAlone(isAbandoned: () -> Bool) throws(PrivateServerError) {
        let folder = try ServerFolder.make(directory)
        let (held, usedPort) = state.withLock { ($0.lock, $0.location?.port) }
        let lock = if let held { held } else { try ServerLock(folder) }
        // Connections look for it where it was.
        let start = ServerStart(
            folder: folder, port: usedPort ?? port, durability: durability, binaries: binaries, backups: backups, recovery: recovery)
        let (postmaster, port, socketFolder) = try start.run(isAbandoned: isAbandoned)
        state.withLock { state in
            state.lock = lock
            state.postmaster = postmaster
            state.location = Location(socketFolder: socketFolder, port: port)
        }
        logger.debug("private PostgreSQL is up", metadata: ["pid": "\(postmaster.pid)", "adopted": "\(!postmaster.isChild)"])
    }
}

/// Set once, seen by the thread that does the work.
final class Flag: Sendable {
    private let value = Atomic(false)

    var isSet: Bool { value.load(ordering: .relaxed) }
    func set() { value.store(true, ordering: .relaxed) }
}
