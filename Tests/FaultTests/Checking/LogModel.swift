import EventSourcing
import FoundationEssentials

/// The log's rules about requests, once more and as plainly as possible: what any store's answers are held against.
struct LogModel {
    private struct Holding: Hashable {
        let kind: ClaimKind
        let holder: StreamName
    }

    private(set) var head: Int64
    private var heads: [StreamName: (version: Int, position: Int64)] = [:]
    private var held: [Holding: String] = [:]
    private var receipts: [UUID: CommandReceipt] = [:]

    /// A log that nothing is known of but its length.
    init(head: Int64 = 0) { self.head = head }

    /// The outcome that a request gets now; its receipt is undated.
    func answer(to request: AppendRequest) -> AppendOutcome {
        if let receipt = receipts[request.command.id] { return .alreadyAppended(receipt) }
        for append in request.appends where !append.expected.allows(version(of: append.stream)) {
            return .conflict(stream: append.stream, actual: version(of: append.stream))
        }
        let subject = request.appends[0].stream
        for claim in request.claims {
            switch claim {
            case .take(let kind, let value):
                if let holder = holder(of: kind, value: value), holder != subject { return .claimTaken(kind) }
            case .require(let kind, let holder):
                if held[Holding(kind: kind, holder: holder)] == nil { return .claimMissing(kind, holder: holder) }
            case .release: break
            }
        }
        let count = Int64(request.appends.reduce(0) { $0 + $1.events.count })
        return .appended(
            CommandReceipt(
                key: request.command, stream: subject, version: version(of: subject) + request.appends[0].events.count,
                firstPosition: count > 0 ? head + 1 : nil, lastPosition: count > 0 ? head + count : heads[subject]?.position ?? 0,
                recordedAt: .undated))
    }

    /// The outcome that a request gets, and the change that it makes.
    mutating func append(_ request: AppendRequest) -> AppendOutcome {
        let outcome = answer(to: request)
        guard case .appended(let receipt) = outcome else { return outcome }
        for append in request.appends where !append.events.isEmpty {
            head += Int64(append.events.count)
            heads[append.stream] = (version(of: append.stream) + append.events.count, head)
        }
        for claim in request.claims {
            switch claim {
            case .take(let kind, let value): held[Holding(kind: kind, holder: receipt.stream)] = value
            case .release(let kind): held[Holding(kind: kind, holder: receipt.stream)] = nil
            case .require: break
            }
        }
        receipts[request.command.id] = receipt
        return outcome
    }

    func holder(of kind: ClaimKind, value: String) -> StreamName? {
        held.first { $0.key.kind == kind && $0.value == value }?.key.holder
    }

    private func version(of stream: StreamName) -> Int { heads[stream]?.version ?? 0 }
}

extension Timestamp {
    /// For receipts that are compared without their time.
    fileprivate static let undated = Timestamp(milliseconds: 0)
}

extension AppendOutcome {
    /// The same without the time, which no model can know.
    var undated: AppendOutcome {
        switch self {
        case .appended(let receipt): .appended(receipt.undated)
        case .alreadyAppended(let receipt): .alreadyAppended(receipt.undated)
        case .conflict, .claimTaken, .claimMissing: self
        }
    }

    /// The receipt of a success, now or before.
    var receipt: CommandReceipt? {
        switch self {
        case .appended(let receipt), .alreadyAppended(let receipt): receipt
        case .conflict, .claimTaken, .claimMissing: nil
        }
    }
}

extension CommandReceipt {
    fileprivate var undated: CommandReceipt {
        CommandReceipt(
            key: key, stream: stream, version: version, firstPosition: firstPosition, lastPosition: lastPosition, recordedAt: .undated)
    }
}
