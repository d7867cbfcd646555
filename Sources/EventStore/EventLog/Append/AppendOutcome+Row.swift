import EventSourcing
import FoundationEssentials
import Postgres

extension QueryResult {
    /// The outcome of each request of a batch, in the batch's order. The rows of `log.append` name the batch's place and the outcomes that don't
    /// follow from it; every other request was appended, one after the other, right behind the head.
    func outcomes(of requests: [SealedRequest]) throws -> [AppendOutcome] {
        var batch: (head: Int64, recordedAt: Timestamp)?
        var told = [AppendOutcome?](repeating: nil, count: requests.count)
        for row in self {
            let index = Int(try row.get(0, as: Int32.self)) - 1
            if index == -1 {
                batch = (try row.get(5), Timestamp(milliseconds: try row.milliseconds(6)))
            } else {
                guard requests.indices.contains(index) else { throw EventStoreError.broken(reason: "an outcome for a request that was not sent") }
                told[index] = try AppendOutcome(row, of: requests[index].command)
            }
        }
        guard let batch else { throw EventStoreError.broken(reason: "a batch without a place") }
        var head = batch.head
        return try zip(requests, told).map { request, outcome in
            let outcome = try outcome ?? .appended(request.receipt(behind: head, at: batch.recordedAt))
            if case .appended = outcome { head += Int64(request.eventCount) }
            return outcome
        }
    }
}

extension QueryResult {
    /// By how much the database's clock was behind the batch's time, in whole seconds: more than zero after it has gone back.
    var clockLag: Duration {
        get throws { .seconds(Int64(try first?.get(3, as: Int32.self) ?? 0)) }
    }
}

extension SealedRequest {
    /// The receipt of a request that was appended whole as it expected.
    fileprivate func receipt(behind head: Int64, at time: Timestamp) throws -> CommandReceipt {
        guard let first = appends.first, let version = versionAfter, eventCount > 0 else {
            throw EventStoreError.broken(reason: "a request without an outcome")
        }
        return CommandReceipt(
            key: command, stream: first.stream, version: version, firstPosition: head + 1, lastPosition: head + Int64(eventCount),
            recordedAt: time)
    }
}

extension AppendOutcome {
    /// Reads a row of `Statement.append`.
    fileprivate init(_ row: Row, of command: CommandReceipt.Key) throws {
        guard let stream = StreamName(try row.get(2, as: String.self)) else { throw EventStoreError.broken(reason: "an outcome names no stream") }
        let kind = try row.get(8, as: String?.self).map(ClaimKind.init(rawValue:))
        switch (try row.get(1, as: Int16.self), kind) {
        case (0, _): self = .appended(try CommandReceipt(row, of: command.id, on: stream))
        case (1, _): self = .alreadyAppended(try CommandReceipt(row, of: command.id, on: stream))
        case (2, _): self = .conflict(stream: stream, actual: Int(try row.get(3, as: Int32.self)))
        case (3, let kind?): self = .claimTaken(kind)
        case (4, let kind?): self = .claimMissing(kind, holder: stream)
        case (let code, _): throw EventStoreError.broken(reason: "outcome \(code) is unknown")
        }
    }
}

extension CommandReceipt {
    fileprivate init(_ row: Row, of command: UUID, on stream: StreamName) throws {
        self.init(
            key: Key(id: command, digest: try row.get(7)), stream: stream, version: Int(try row.get(3, as: Int32.self)),
            firstPosition: try row.get(4),
            lastPosition: try row.get(5), recordedAt: Timestamp(milliseconds: try row.milliseconds(6)))
    }
}
