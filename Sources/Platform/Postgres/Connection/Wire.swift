import CLibpq

/// The state under a connection's lock: libpq's handle, the requests under way and the prepared statements.
struct Wire {
    private(set) var handle: PGHandle?
    var pipeline = Pipeline()
    var prepared = PreparedStatements()
    var parameters = ParameterBuffer()
    var task = BulkTask.none
    /// Reads that wait for a group of others to be answered.
    var gatheredReads = FIFO<SharedRead>()
    var readGroupsInFlight = 0
    let mode: PreparationMode
    private(set) var waitingSince: ContinuousClock.Instant?
    private var token: UInt64 = 0
    private var interest = SocketInterest.read
    /// libpq has given the socket up by itself, so the reactor will never hear of it. The holder of the lock must close the connection.
    private(set) var isLost = false
    /// Output is waiting for the socket to take it.
    private(set) var isBlocked = false

    init(_ handle: PGHandle, _ mode: PreparationMode) {
        self.handle = handle
        self.mode = mode
    }

    /// libpq's handle; throws when the connection is gone, before anything could be sent on it.
    func open() throws(PostgresError) -> OpaquePointer {
        guard let handle else { throw .unsent("the connection is closed") }
        return handle.pointer
    }

    mutating func watch(_ handler: any SocketHandler) throws(SystemError) {
        guard let handle else { return }
        token = try Reactor.shared.watch(PQsocket(handle.pointer), handler)
    }

    /// Whether a transaction block is open, failed ones included.
    var isInTransaction: Bool {
        guard let handle else { return false }
        let status = PQtransactionStatus(handle.pointer)
        return status == PQTRANS_INTRANS || status == PQTRANS_INERROR
    }

    /// Sends libpq's buffer as far as the socket takes it; the reactor sends the rest.
    mutating func flush() {
        guard let handle else { return }
        let flushed = PQflush(handle.pointer)
        isBlocked = flushed == 1
        if flushed < 0 { isLost = true }
        updateInterest()
    }

    /// Makes the reactor look once more: the awaited data may be in libpq's buffer already, and no socket tells of that.
    mutating func nudge() {
        isBlocked = true
        updateInterest()
    }

    /// Reading pauses while a consumer of COPY is behind, so that memory stays bounded.
    mutating func updateInterest() {
        guard let handle else { return }
        let socket = PQsocket(handle.pointer)
        guard socket >= 0, !isLost else { return isLost = true }
        var wanted: SocketInterest = isBlocked ? [.write] : []
        if !task.pausesReading { wanted.insert(.read) }
        guard wanted != interest else { return }
        interest = wanted
        do throws(SystemError) {
            try Reactor.shared.change(socket, token, to: wanted)
        } catch {
            // Unwatched, the connection would leave its callers waiting.
            isLost = true
        }
    }

    /// Has the holder of the lock close the connection, on which something was sent in part.
    mutating func giveUp() { isLost = true }

    mutating func noteSent() { if waitingSince == nil { waitingSince = .now } }
    mutating func noteAnswered() { waitingSince = pipeline.isEmpty && task.isNone ? nil : .now }

    /// Ends the connection; nil when it had ended before.
    mutating func close(_ error: PostgresError) -> [Delivery]? {
        guard let handle else { return nil }
        var error = error
        error.outcomeUnknown = true
        var deliveries = pipeline.endAll(error) + endGatheredReads()
        if let delivery = task.end(error) { deliveries.append(delivery) }
        Reactor.shared.forget(PQsocket(handle.pointer), token)
        PQfinish(handle.pointer)
        self.handle = nil
        isLost = false
        waitingSince = nil
        return deliveries
    }
}
