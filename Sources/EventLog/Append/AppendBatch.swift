import EventSourcing
import FoundationEssentials
import Postgres

/// Requests that go to the database together, as the column arrays of `log.append`.
struct AppendBatch: Sendable {
    private(set) var requests: [SealedRequest] = []
    private(set) var byteCount = 0
    private var touched: Set<Touch> = []
    private var required: Set<Touch> = []

    /// What two requests of one batch must not share.
    private enum Touch: Hashable {
        case stream(String)
        case command(UUID)
        case value(kind: String, hash: [UInt8])
        case claim(kind: String, holder: String)
    }

    var isEmpty: Bool { requests.isEmpty }

    /// Takes a request in, unless it touches what an earlier one of the batch touches: their outcomes would depend on each other. Several may require one claim.
    mutating func add(_ request: SealedRequest) -> Bool {
        var touches: [Touch] = [.command(request.command.id)]
        var requires: [Touch] = []
        for append in request.appends { touches.append(.stream(append.stream)) }
        for claim in request.claims {
            let held = Touch.claim(kind: claim.kind, holder: claim.stream)
            switch claim.change {
            case .take:
                touches.append(held)
                if let hash = claim.hash { touches.append(.value(kind: claim.kind, hash: hash)) }
            case .release: touches.append(held)
            case .require: requires.append(held)
            }
        }
        guard touches.allSatisfy({ !touched.contains($0) && !required.contains($0) }), requires.allSatisfy({ !touched.contains($0) }) else {
            return false
        }
        touched.formUnion(touches)
        required.formUnion(requires)
        requests.append(request)
        byteCount += request.byteCount
        return true
    }

    /// The values of `Statement.append`, in its order.
    var values: [SQLValue] {
        var columns = Columns()
        for request in requests { columns.add(request) }
        return columns.values
    }
}

/// The arrays of `log.append`; the names are its parameters'.
private struct Columns {
    var r_command: [UUID?] = [], r_digest: [[UInt8]?] = [], r_append: [Int32?] = [], r_events: [Int32?] = []
    var a_request: [Int32?] = [], a_stream: [String?] = [], a_expected: [Int32?] = [], a_events: [Int32?] = []
    var e_append: [Int32?] = [], e_number: [Int32?] = [], e_stream: [String?] = [], e_id: [UUID?] = [], e_type: [String?] = []
    var e_schema_version: [Int16?] = [], e_data: [String?] = [], e_metadata: [String?] = []
    var c_request: [Int32?] = [], c_change: [Int16?] = [], c_kind: [String?] = [], c_hash: [[UInt8]?] = [], c_stream: [String?] = []

    mutating func add(_ request: SealedRequest) {
        r_command.append(request.command.id)
        r_digest.append(request.command.digest)
        r_append.append(Int32(a_stream.count + 1))
        r_events.append(Int32(request.appends.reduce(0) { $0 + $1.events.count }))
        let number = Int32(r_command.count)
        for append in request.appends { add(append, of: number, metadata: request.metadata) }
        for claim in request.claims {
            c_request.append(number)
            c_change.append(claim.change.rawValue)
            c_kind.append(claim.kind)
            c_hash.append(claim.hash)
            c_stream.append(claim.stream)
        }
    }

    private mutating func add(_ append: SealedRequest.Append, of request: Int32, metadata: String) {
        a_request.append(request)
        a_stream.append(append.stream)
        a_events.append(Int32(append.events.count))
        switch append.expected {
        case .any: a_expected.append(-1)
        case .none: a_expected.append(0)
        case .exactly(let version): a_expected.append(Int32(clamping: version))
        }
        for (index, event) in append.events.enumerated() {
            e_append.append(Int32(a_stream.count))
            e_number.append(Int32(index + 1))
            e_stream.append(append.stream)
            e_id.append(event.id)
            e_type.append(event.type)
            e_schema_version.append(Int16(event.schemaVersion))
            e_data.append(event.data)
            e_metadata.append(metadata)
        }
    }

    var values: [SQLValue] {
        [
            .uuids(r_command), .byteas(r_digest), .int4s(r_append), .int4s(r_events),
            .int4s(a_request), .texts(a_stream), .int4s(a_expected), .int4s(a_events),
            .int4s(e_append), .int4s(e_number), .texts(e_stream), .uuids(e_id), .texts(e_type), .int2s(e_schema_version), .texts(e_data),
            .texts(e_metadata),
            .int4s(c_request), .int2s(c_change), .texts(c_kind), .byteas(c_hash), .texts(c_stream),
        ]
    }
}

extension Statement {
    static let append = Statement(
        "log_append",
        """
        SELECT request, outcome, stream, version, first_position, last_position, recorded_at, digest, kind
        FROM log.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)
        """)
}
