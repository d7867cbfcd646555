import CLibpq

/// The results of one look at the socket.
struct Received {
    var deliveries: [Delivery] = []
    var notifications: [(channel: String, payload: String)] = []
    var answered = 0
    var closed: PostgresError?
    /// The last failure that says the server can't write.
    var writeFailure: PostgresError?
}

extension Wire {
    /// Called by the reactor when the socket is ready.
    mutating func process(readable: Bool, writable: Bool) -> Received {
        var received = Received()
        guard let connection = handle?.pointer else { return received }
        let isAlive = !readable || PQconsumeInput(connection) == 1
        if task.isNone { collect(connection, &received) } else { collectBulk(connection, &received) }
        if isAlive { received.deliveries += sendGatheredReads() }
        collectNotifications(connection, &received)
        if isAlive, received.closed == nil { if writable || isBlocked { flush() } else { updateInterest() } }
        guard isAlive, !isLost, received.closed == nil, PQstatus(connection) != CONNECTION_BAD else {
            let error = received.closed ?? PostgresError(.connection, String(cString: PQerrorMessage(connection)))
            if !pipeline.isEmpty { received.writeFailure = error }
            received.deliveries += close(error) ?? []
            received.closed = error
            return received
        }
        if !isBlocked, let delivery = task.drained() { received.deliveries.append(delivery) }
        return received
    }

    private mutating func collect(_ connection: OpaquePointer, _ received: inout Received) {
        while !pipeline.isEmpty, PQisBusy(connection) == 0 {
            guard let result = PQgetResult(connection) else {
                if pipeline.endHead() { continue } else { return }
            }
            switch PQresultStatus(result) {
            case PGRES_TUPLES_OK, PGRES_COMMAND_OK, PGRES_EMPTY_QUERY:
                pipeline.succeed(QueryResult(result))
            case PGRES_PIPELINE_SYNC:
                PQclear(result)
                // It comes between the last answer of the group and its end.
                if let handle, handle.doubt.take() { pipeline.doubtCommit(.unconfirmedCommit) }
                let group = pipeline.endGroup()
                received.answered += group.answered
                if let delivery = group.delivery { received.deliveries.append(delivery) }
                if group.wereReads { readsEnded(skipped: group.skipped) }
                noteAnswered()
            case PGRES_PIPELINE_ABORTED:
                PQclear(result)
                forget(pipeline.fail(nil))
            default:
                let error = PostgresError(result: result, statementName: pipeline.headStatementName)
                if error.sqlState?.tellsOfNoWrites == true { received.writeFailure = error }
                fail(error)
                PQclear(result)
                // libpq made this result itself because the connection is gone; there will be no more.
                if PQstatus(connection) == CONNECTION_BAD { return }
            }
        }
    }

    private mutating func fail(_ error: PostgresError) {
        if error.needsPreparing, let name = pipeline.headStatementName { prepared.remove(named: name) }
        forget(pipeline.fail(error))
    }

    private mutating func forget(_ serverName: String?) {
        if let serverName { prepared.remove(serverName: serverName) }
    }

    private func collectNotifications(_ connection: OpaquePointer, _ received: inout Received) {
        // Without this a connection that only listens would never parse its input.
        if pipeline.isEmpty, task.isNone { _ = PQisBusy(connection) }
        while let notify = PQnotifies(connection) {
            received.notifications.append((String(cString: notify.pointee.relname), String(cString: notify.pointee.extra)))
            PQfreemem(notify)
        }
    }
}

extension PostgresError {
    /// The server has lost the statement, or has a plan for it that no longer fits the table. Preparing anew mends both.
    var needsPreparing: Bool { sqlState == .invalidStatementName || sqlState == .featureNotSupported }
}
