import EventSourcing
import FoundationEssentials
import Postgres

/// Requests that go to the database together, as the column arrays of `log.append`.
struct AppendBatch: Sendable {
    private(set) var requests: [SealedRequest] = []
    private(set) var byteCount = 0
    /// Whether only new streams take values in it, so that unique keys can stand in for look-ups (`optimistic` of `log.append`).
    private(set) var mayBeOptimistic = true
    private var touched: Set<UInt64> = []
    private var required: Set<UInt64> = []

    var isEmpty: Bool { requests.isEmpty }

    /// Takes a request in, unless it touches what an earlier one of the batch touches: their outcomes would depend on each other. Several may require
    /// one claim.
    mutating func add(_ request: SealedRequest) -> Bool {
        guard request.touches.allSatisfy({ !touched.contains($0) && !required.contains($0) }),
            request.requires.allSatisfy({ !touched.contains($0) })
        else { return false }
        touched.formUnion(request.touches)
        required.formUnion(request.requires)
        if request.takesForKnownStream { mayBeOptimistic = false }
        requests.append(request)
        byteCount += request.byteCount
        return true
    }

    /// The values of `Statement.append` after `optimistic`, in its order.
    var values: [SQLValue] {
        var columns = Columns()
        for request in requests { columns.add(request) }
        return columns.values
    }
}

/// The arrays of `log.append`; the names are its parameters'.
private struct Columns {
    var r_command: [UUID?] = [], r_digest: [[UInt8]?] = [], r_metadata: [String?] = [], r_append: [Int32?] = [], r_events: [Int32?] = []
    var r_last: [Int32?] = []
    var a_request: [Int32?] = [], a_stream: [String?] = [], a_expected: [Int32?] = [], a_events: [Int32?] = []
    var e_append: [Int32?] = [], e_number: [Int32?] = [], e_id: [UUID?] = [], e_type: [String?] = [], e_schema_version: [Int16?] = []
    var e_data: [String?] = [], e_fields: [String?] = []
    var c_request: [Int32?] = [], c_change: [Int16?] = [], c_kind: [String?] = [], c_hash: [[UInt8]?] = [], c_stream: [String?] = []

    mutating func add(_ request: SealedRequest) {
        r_command.append(request.command.id)
        r_digest.append(request.command.digest)
        r_metadata.append(request.metadata)
        r_append.append(Int32(a_stream.count + 1))
        r_events.append(Int32(request.eventCount))
        let number = Int32(r_command.count)
        for append in request.appends { add(append, of: number) }
        r_last.append(Int32(e_append.count))
        for claim in request.claims {
            c_request.append(number)
            c_change.append(claim.change.rawValue)
            c_kind.append(claim.kind)
            c_hash.append(claim.hash)
            c_stream.append(claim.stream)
        }
    }

    private mutating func add(_ append: SealedRequest.Append, of request: Int32) {
        a_request.append(request)
        a_stream.append(append.name)
        a_events.append(Int32(append.events.count))
        switch append.expected {
        case .any: a_expected.append(-1)
        case .none: a_expected.append(0)
        case .exactly(let version): a_expected.append(Int32(clamping: version))
        }
        for (index, event) in append.events.enumerated() {
            e_append.append(Int32(a_stream.count))
            e_number.append(Int32(index + 1))
            e_id.append(event.id)
            e_type.append(event.type)
            e_schema_version.append(Int16(event.schemaVersion))
            e_data.append(event.data)
            e_fields.append(event.fields)
        }
    }

    var values: [SQLValue] {
        [
            .uuids(r_command), .byteas(r_digest), .texts(r_metadata), .int4s(r_append), .int4s(r_events), .int4s(r_last),
            .int4s(a_request), .texts(a_stream), .int4s(a_expected), .int4s(a_events),
            .int4s(e_append), .int4s(e_number), .uuids(e_id), .texts(e_type), .int2s(e_schema_version), .texts(e_data), .texts(e_fields),
            .int4s(c_request), .int2s(c_change), .texts(c_kind), .byteas(c_hash), .texts(c_stream),
        ]
    }
}

extension Statement {
    static let append = Statement(
        "log_append",
        """
        SELECT request, outcome, stream, version, first_position, last_position, recorded_at, digest, kind
        FROM log.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23)
        """)
}

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
        get throws {
            let batch = try first { try $0.get(0, as: Int32.self) == 0 }
            return .seconds(Int64(try batch?.get(3, as: Int32.self) ?? 0))
        }
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
