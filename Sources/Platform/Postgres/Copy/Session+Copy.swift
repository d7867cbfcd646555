extension Session {
    /// Runs `COPY … FROM STDIN` with the bytes of `chunks`, which needn't end at rows. Returns the number of rows. When `chunks` throws, nothing is
    /// kept.
    ///
    /// A slow server slows the reading of `chunks` down.
    @discardableResult
    package func copyIn<Chunks: AsyncSequence>(_ statement: String, _ chunks: Chunks) async throws -> Int where Chunks.Element == [UInt8] {
        try await startCopy(statement)
        do {
            for try await chunk in chunks where !chunk.isEmpty {
                try Task.checkCancellation()
                try await send(chunk)
            }
        } catch {
            await abandonCopy()
            throw error
        }
        return try await cancelling { () async throws(PostgresError) in try await endCopy(abort: nil) }.affectedRows
    }

    /// Runs `COPY … TO STDOUT` and hands over the bytes, whole rows at a time, about 64 KiB each. A slow consumer slows the server down.
    ///
    /// When `onChunk` throws, the connection is closed: there is no other way to stop a server that is sending.
    package func copyOut(_ statement: String, _ onChunk: ([UInt8]) async throws -> Void) async throws {
        try await startCopy(statement)
        do {
            var isLast = false
            while !isLast, let rows = try await receiveRows(&isLast) { try await onChunk(rows) }
        } catch {
            spoil()
            connection.close(PostgresError(.connection, "a COPY was given up"))
            throw error
        }
        let ended = await withUnsafeContinuation { (continuation: BulkTask.ResultContinuation) in
            connection.withWire { $0.copyFinished(continuation) }
        }
        _ = try ended.get()
    }

    private func startCopy(_ statement: String) async throws(PostgresError) {
        try await begin()
        try await cancelling { () async throws(PostgresError) in
            let ready = await withUnsafeContinuation { (continuation: BulkTask.ReadyContinuation) in
                do throws(PostgresError) {
                    try connection.withWire { wire throws(PostgresError) in try wire.sendScript(statement, .copyStarting(continuation, failure: nil))
                    }
                } catch {
                    return connection.refuse(error) { continuation.resume(returning: .failure($0)) }
                }
                stopIfCancelled()
            }
            try ready.get()
        }
    }

    private func send(_ chunk: [UInt8]) async throws(PostgresError) {
        // libpq keeps what the socket doesn't take, so small chunks keep its buffer small.
        let pieces =
            chunk.count <= 1 << 20 ? [chunk[...]] : stride(from: 0, to: chunk.count, by: 1 << 20).map { chunk[$0..<min($0 + 1 << 20, chunk.count)] }
        for piece in pieces {
            let isFull = try connection.withWire { wire throws(PostgresError) in try wire.copyChunk(piece) }
            if isFull { try await cancelling { () async throws(PostgresError) in try await waitUntil { $0.awaitDrain($1) } } }
        }
    }

    private func abandonCopy() async {
        do throws(PostgresError) {
            _ = try await endCopy(abort: "the client gave up")
        } catch {
            // The server always answers an abandoned COPY with an error; the one to tell is why it was abandoned.
            if error.kind == .connection { spoil() }
        }
    }

    private func endCopy(abort: String?) async throws(PostgresError) -> QueryResult {
        let result = await withUnsafeContinuation { (continuation: BulkTask.ResultContinuation) in
            do throws(PostgresError) {
                try connection.withWire { wire throws(PostgresError) in try wire.copyEnd(abort: abort, continuation) }
            } catch {
                connection.refuse(error) { continuation.resume(returning: .failure($0)) }
            }
        }
        return try result.get()
    }

    private func receiveRows(_ isLast: inout Bool) async throws(PostgresError) -> [UInt8]? {
        while true {
            switch try connection.withWire({ wire throws(PostgresError) in try wire.copyRows() }) {
            case .rows(let rows, let isEnd):
                isLast = isEnd
                return rows
            case .end: return nil
            case .nothingYet:
                try await cancelling { () async throws(PostgresError) in try await waitUntil { $0.awaitRows($1) } }
            }
        }
    }

    /// Waits for the reactor. `arrange` leaves the continuation with the connection, or says that there is nothing to wait for.
    private func waitUntil(_ arrange: (inout Wire, BulkTask.ReadyContinuation) -> Result<Void, PostgresError>?) async throws(PostgresError) {
        let ready = await withUnsafeContinuation { (continuation: BulkTask.ReadyContinuation) in
            let answer = connection.withWire { arrange(&$0, continuation) }
            if let answer { continuation.resume(returning: answer) }
        }
        try ready.get()
    }
}
