import CLibpq

extension Wire {
    /// Sends one query and its sync. Throws when it could not be sent; the caller's continuation is then still the caller's.
    mutating func send(_ statement: Statement, _ values: [SQLValue], _ completion: Completion, token: UInt64) throws(PostgresError) {
        let connection = try readyToSend()
        parameters.reset()
        try parameters.append(values)
        let length = pipeline.length
        try sending(from: length) { (wire) throws(PostgresError) in try wire.transmit(statement, from: 0, count: values.count, on: connection) }
        try finishGroup(from: length, completion, token, on: connection)
    }

    /// Sends a group: several queries under one sync, which makes them one implicit transaction.
    mutating func send(_ queries: [Query], _ completion: Completion, token: UInt64) throws(PostgresError) {
        let connection = try readyToSend()
        parameters.reset()
        // All of it is encoded before any is sent, so a value that can't be sent leaves nothing half done.
        for (index, query) in queries.enumerated() {
            do throws(PostgresError) {
                try parameters.append(query.values)
            } catch {
                var error = error
                error.failedQuery = index
                throw error
            }
        }
        let length = pipeline.length
        try sending(from: length) { (wire) throws(PostgresError) in
            var first = 0
            for query in queries {
                try wire.transmit(query.statement, from: first, count: query.values.count, on: connection)
                first += query.values.count
            }
        }
        try finishGroup(from: length, completion, token, on: connection)
    }

    func readyToSend() throws(PostgresError) -> OpaquePointer {
        let connection = try open()
        guard task.isNone else { throw PostgresError(.configuration, "a script or COPY is under way on this session") }
        return connection
    }

    mutating func transmit(_ statement: Statement, from first: Int, count: Int, on connection: OpaquePointer) throws(PostgresError) {
        switch mode {
        case .unnamed:
            let sent = parameters.withParameters(from: first) { types, values, lengths, formats in
                PQsendQueryParams(connection, statement.sql, Int32(count), types, values, lengths, formats, 1)
            }
            try check(sent, connection)
        case .named:
            let name = try prepare(statement, parameters.types[first..<first + count], on: connection)
            let sent = parameters.withParameters(from: first) { _, values, lengths, formats in
                PQsendQueryPrepared(connection, name, Int32(count), values, lengths, formats, 1)
            }
            try check(sent, connection)
        }
        pipeline.append(.query(statementName: statement.name))
    }

    /// The server's name for the statement. One not yet prepared is prepared in the same flight, so the first use costs no round trip more.
    private mutating func prepare(_ statement: Statement, _ types: ArraySlice<UInt32>, on connection: OpaquePointer) throws(PostgresError) -> String {
        if let name = prepared.name(of: statement, for: types) { return name }
        let name = prepared.add(statement, for: types)
        try check(PQsendPrepare(connection, name, statement.sql, Int32(types.count), Array(types)), connection)
        pipeline.append(.prepare(serverName: name))
        return name
    }

    private func check(_ sent: Int32, _ connection: OpaquePointer) throws(PostgresError) {
        if sent == 0 { throw .unsent(String(cString: PQerrorMessage(connection))) }
    }

    /// A group cut off before its sync can't have been committed, so it may go to another connection; this one is of no more use.
    mutating func sending(from length: Int, _ body: (inout Wire) throws(PostgresError) -> Void) throws(PostgresError) {
        do throws(PostgresError) {
            try body(&self)
        } catch {
            pipeline.truncate(to: length)
            throw error
        }
    }

    mutating func finishGroup(from length: Int, _ completion: Completion, _ token: UInt64, on connection: OpaquePointer) throws(PostgresError) {
        try sending(from: length) { (wire) throws(PostgresError) in try wire.check(PQpipelineSync(connection), connection) }
        pipeline.append(.sync(completion, token: token))
        noteSent()
        flush()
    }
}
