import CLibpq
import CLinuxIO
import Glibc
import Synchronization

/// Makes connections. Looking up a host's name blocks inside libpq, so each attempt has a thread of its own.
struct Connector: Sendable {
    let target: ConnectionTarget
    let timeout: Duration

    /// A connected handle, non-blocking and in pipeline mode. Throws `.connection`, or `.cancelled` when the task is cancelled meanwhile.
    func connect() async throws(PostgresError) -> PGHandle {
        let abort = ConnectAbort()
        let result = await withTaskCancellationHandler {
            await onOwnThread("postgres-open") { attempt(abort) }
        } onCancel: {
            abort.signal()
        }
        return try result.get()
    }

    private func attempt(_ abort: ConnectAbort) -> Result<PGHandle, PostgresError> {
        guard let connection = start() else { return .failure(PostgresError(.connection, "out of memory")) }
        // A program has no use for the server's notices; libpq would print them.
        PQsetNoticeProcessor(connection, { _, _ in }, nil)
        PQsetErrorVerbosity(connection, PQERRORS_VERBOSE)
        defer { PQsetErrorVerbosity(connection, PQERRORS_DEFAULT) }
        do throws(PostgresError) {
            try complete(connection, abort)
        } catch {
            PQfinish(connection)
            return .failure(error)
        }
        guard PQsetnonblocking(connection, 1) == 0, PQenterPipelineMode(connection) == 1 else {
            defer { PQfinish(connection) }
            return .failure(PostgresError(.connection, String(cString: PQerrorMessage(connection))))
        }
        return .success(PGHandle(pointer: connection))
    }

    private func start() -> OpaquePointer? {
        let pairs = target.connectKeywords.map { (strdup($0.key), strdup($0.value)) }
        defer {
            for (key, value) in pairs {
                free(key)
                free(value)
            }
        }
        let keys = pairs.map { UnsafePointer($0.0) } + [nil]
        let values = pairs.map { UnsafePointer($0.1) } + [nil]
        return PQconnectStartParams(keys, values, 0)
    }

    private func complete(_ connection: OpaquePointer, _ abort: ConnectAbort) throws(PostgresError) {
        let deadline = ContinuousClock.now + timeout
        // As if the last poll had said so: libpq's manual wants the first wait to be for writing.
        var next = PGRES_POLLING_WRITING
        while PQstatus(connection) != CONNECTION_BAD {
            switch next {
            case PGRES_POLLING_OK: return
            case PGRES_POLLING_READING: try wait(connection, POLLIN, deadline, abort)
            case PGRES_POLLING_WRITING: try wait(connection, POLLOUT, deadline, abort)
            default: throw failure(connection)
            }
            next = PQconnectPoll(connection)
        }
        throw failure(connection)
    }

    private func wait(_ connection: OpaquePointer, _ events: Int32, _ deadline: ContinuousClock.Instant, _ abort: ConnectAbort)
        throws(PostgresError)
    {
        // The socket changes from one host to the next, so it is asked for anew each time.
        var descriptors = [
            pollfd(fd: PQsocket(connection), events: Int16(events), revents: 0),
            pollfd(fd: abort.descriptor, events: Int16(POLLIN), revents: 0),
        ]
        let left = ContinuousClock.now.duration(to: deadline).milliseconds
        let ready: Int32
        do throws(SystemError) {
            ready = try systemCall("poll") { poll(&descriptors, 2, Int32(clamping: max(0, left))) }
        } catch {
            throw PostgresError(.connection, error.description)
        }
        guard ready > 0 else { throw PostgresError(connectFailure: "no connection within \(timeout)") }
        if descriptors[1].revents != 0 { throw .cancelled() }
    }

    private func failure(_ connection: OpaquePointer) -> PostgresError {
        // Then it is libpq that gives up, without a word from the server.
        if PQconnectionNeedsPassword(connection) == 1 { return PostgresError(noPasswordFor: PQuser(connection).map { String(cString: $0) } ?? "") }
        return PostgresError(connectFailure: String(cString: PQerrorMessage(connection)))
    }
}

/// Wakes the thread that is connecting when its task is cancelled.
private final class ConnectAbort: Sendable {
    let descriptor = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))

    func signal() {
        var one: UInt64 = 1
        // The counter starts at zero, so there is always room.
        _ = write(descriptor, &one, 8)
    }

    deinit { close(descriptor) }
}
