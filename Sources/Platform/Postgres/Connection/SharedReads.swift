/// A read that leaves together with those of other callers.
struct SharedRead {
    let query: Query
    let reply: ReadReply
    /// The name to abandon it by; 0 for one that is never abandoned.
    let token: UInt64
}

/// Reads under one sync.
///
/// Each sync costs a send, a wake-up of the server, and a send and a wake-up back; a read of one row costs less than those. So while two groups of
/// reads are under way, further ones gather, and leave together when one of the groups has been answered. No timer: an idle connection sends a read
/// at once, and a busy one has large groups.
///
/// The server skips the reads behind one that fails. They changed nothing, so they go again with the next group.
extension Wire {
    /// Two, so that the server has the next group when it has answered one.
    private static let maximumReadGroups = 2
    private static let maximumGroupSize = 64

    /// Sends a read, now or with others. Throws when the connection is gone; the caller is then still to be answered. The deliveries are
    /// of reads that could not be sent.
    mutating func gather(_ read: SharedRead) throws(PostgresError) -> [Delivery] {
        _ = try readyToSend()
        gatheredReads.append(read)
        return sendGatheredReads()
    }

    /// Sends the reads that have gathered, if it is time.
    mutating func sendGatheredReads() -> [Delivery] {
        var refused: [Delivery] = []
        while !gatheredReads.isEmpty, readGroupsInFlight < Self.maximumReadGroups, task.isNone {
            var reads: [SharedRead] = []
            parameters.reset()
            while reads.count < Self.maximumGroupSize, let read = gatheredReads.popFirst() {
                do throws(PostgresError) {
                    try parameters.append(read.query.values)
                    reads.append(read)
                } catch {
                    refused.append(.reads([(read.reply, .failure(error))]))
                    // Its values, half written, are in the way of those behind it.
                    if let error = encodeAnew(reads) { return refused + refuse(reads, error) }
                }
            }
            guard !reads.isEmpty else { continue }
            do throws(PostgresError) {
                try send(reads)
            } catch {
                giveUp()
                refused += refuse(reads, error)
            }
        }
        return refused
    }

    /// Takes a read out that has not been sent; nil when it has.
    mutating func withdrawRead(_ token: UInt64) -> SharedRead? { gatheredReads.remove { $0.token == token }.first }

    /// The connection is gone: what was not sent may go to another.
    mutating func endGatheredReads() -> [Delivery] {
        var reads: [SharedRead] = []
        while let read = gatheredReads.popFirst() { reads.append(read) }
        readGroupsInFlight = 0
        return refuse(reads, .unsent("the connection is closed"))
    }

    /// A group of reads was answered.
    mutating func readsEnded(skipped: [SharedRead]) {
        readGroupsInFlight -= 1
        guard !skipped.isEmpty else { return }
        var waiting = skipped
        while let read = gatheredReads.popFirst() { waiting.append(read) }
        for read in waiting { gatheredReads.append(read) }
    }

    private mutating func send(_ reads: [SharedRead]) throws(PostgresError) {
        let connection = try readyToSend()
        let length = pipeline.length
        try sending(from: length) { (wire) throws(PostgresError) in
            var first = 0
            for read in reads {
                try wire.transmit(read.query.statement, from: first, count: read.query.values.count, on: connection)
                first += read.query.values.count
            }
        }
        try finishGroup(from: length, .reads(reads), 0, on: connection)
        readGroupsInFlight += 1
    }

    private mutating func encodeAnew(_ reads: [SharedRead]) -> PostgresError? {
        parameters.reset()
        do throws(PostgresError) {
            for read in reads { try parameters.append(read.query.values) }
            return nil
        } catch {
            return error
        }
    }

    private func refuse(_ reads: [SharedRead], _ error: PostgresError) -> [Delivery] {
        reads.isEmpty ? [] : [.reads(reads.map { ($0.reply, .failure(error)) })]
    }
}
