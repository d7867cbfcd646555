import CLibpq
import CLinuxIO
import Glibc
import Synchronization

/// Makes connections. Looking up a host's name blocks inside libpq, so each attempt has a thread of its own.
///
/// libpq goes from one server of a list to the next when it is refused. It waits for one that accepts the connection and then says nothing, as a
/// stopped process does, or for packets that nobody answers. So each server has a share of the time here, and the list goes on without it.
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
        let all = target.servers
        let deadline = ContinuousClock.now + timeout
        let share = timeout / all.count
        var failure: PostgresError?
        for part in SilentServers.shared.sort(all) {
            var servers = part
            while !servers.isEmpty, failure?.kind != .cancelled {
                do throws(ConnectFault) {
                    return .success(try connect(to: servers, share: share, until: deadline, abort))
                } catch {
                    switch error {
                    case .refused(let error):
                        failure = error
                        servers = []
                    case .silent(let place):
                        // The word of a server that speaks says more.
                        failure = failure ?? PostgresError(connectFailure: "no connection within \(all.count > 1 ? share : timeout)")
                        if all.count > 1 { SilentServers.shared.note(place, isSilent: true) }
                        let rest = servers.filter { $0.place != place }
                        servers = rest.count < servers.count && ContinuousClock.now < deadline ? rest : []
                    }
                }
            }
        }
        return .failure(failure ?? PostgresError(.connection, "no server is named"))
    }

    /// Has libpq try the servers in their order.
    private func connect(
        to servers: [ConnectionTarget.Server], share: Duration, until deadline: ContinuousClock.Instant, _ abort: ConnectAbort
    ) throws(ConnectFault) -> PGHandle {
        guard let connection = start(target.at(servers)) else { throw .refused(PostgresError(.connection, "out of memory")) }
        let doubt = CommitDoubt(of: connection)
        PQsetErrorVerbosity(connection, PQERRORS_VERBOSE)
        do throws(ConnectFault) {
            try complete(connection, share: share, until: deadline, abort)
            guard PQsetnonblocking(connection, 1) == 0, PQenterPipelineMode(connection) == 1 else {
                throw .refused(PostgresError(.connection, String(cString: PQerrorMessage(connection))))
            }
        } catch {
            PQfinish(connection)
            throw error
        }
        PQsetErrorVerbosity(connection, PQERRORS_DEFAULT)
        let place = ConnectionTarget.Place(of: connection)
        SilentServers.shared.note(place, isSilent: false)
        return PGHandle(pointer: connection, place: place, doubt: doubt)
    }

    private func start(_ target: ConnectionTarget) -> OpaquePointer? {
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

    private func complete(
        _ connection: OpaquePointer, share: Duration, until deadline: ContinuousClock.Instant, _ abort: ConnectAbort
    ) throws(ConnectFault) {
        var place = ConnectionTarget.Place(of: connection)
        var last = min(deadline, .now + share)
        // As if the last poll had said so: libpq's manual wants the first wait to be for writing.
        var next = PGRES_POLLING_WRITING
        while PQstatus(connection) != CONNECTION_BAD {
            if case let current = ConnectionTarget.Place(of: connection), current != place { (place, last) = (current, min(deadline, .now + share)) }
            let isReady: Bool
            switch next {
            case PGRES_POLLING_OK: return
            case PGRES_POLLING_READING: isReady = try wait(connection, POLLIN, last, abort)
            case PGRES_POLLING_WRITING: isReady = try wait(connection, POLLOUT, last, abort)
            default: throw .refused(failure(connection))
            }
            guard isReady else { throw .silent(place) }
            next = PQconnectPoll(connection)
        }
        throw .refused(failure(connection))
    }

    /// False when nothing has come in time.
    private func wait(_ connection: OpaquePointer, _ events: Int32, _ deadline: ContinuousClock.Instant, _ abort: ConnectAbort)
        throws(ConnectFault) -> Bool
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
            throw .refused(PostgresError(.connection, error.description))
        }
        if descriptors[1].revents != 0 { throw .refused(.cancelled()) }
        return ready > 0
    }

    private func failure(_ connection: OpaquePointer) -> PostgresError {
        // Then it is libpq that gives up, without a word from the server.
        if PQconnectionNeedsPassword(connection) == 1 { return PostgresError(noPasswordFor: PQuser(connection).map { String(cString: $0) } ?? "") }
        return PostgresError(connectFailure: String(cString: PQerrorMessage(connection)))
    }
}

/// Why an attempt to connect has ended.
private enum ConnectFault: Error {
    /// No server of the list will do.
    case refused(PostgresError)
    /// A server has let its time pass.
    case silent(ConnectionTarget.Place)
}

extension ConnectionTarget.Place {
    /// The server that a connection leads to, or that it tries.
    fileprivate init(of connection: OpaquePointer) {
        self.init(host: PQhost(connection).map { String(cString: $0) } ?? "", port: PQport(connection).map { String(cString: $0) } ?? "")
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
