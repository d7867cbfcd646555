import EventSourcing

/// The unique values and their holders.
struct ClaimTable {
    private struct Value: Hashable {
        let kind: ClaimKind
        let value: String
    }

    private struct Holding: Hashable {
        let kind: ClaimKind
        let holder: StreamName
    }

    private var holders: [Value: StreamName] = [:]
    private var values: [Holding: Value] = [:]

    /// The stream that holds a value; nil when it is free.
    func holder(of kind: ClaimKind, value: String) -> StreamName? {
        holders[Value(kind: kind, value: value)]
    }

    /// Why these changes can't be made; nil when they can. Only the request's own stream gives anything up, so nothing in a request can free a value
    /// for it.
    func refusal(of changes: [ClaimChange], for stream: StreamName) -> AppendOutcome? {
        for change in changes {
            switch change {
            case .take(let kind, let value):
                if let holder = holders[Value(kind: kind, value: value)], holder != stream { return .claimTaken(kind) }
            case .release: break
            case .require(let kind, let holder):
                if values[Holding(kind: kind, holder: holder)] == nil { return .claimMissing(kind, holder: holder) }
            }
        }
        return nil
    }

    /// Makes changes that were not refused.
    mutating func apply(_ changes: [ClaimChange], for stream: StreamName) {
        for change in changes {
            switch change {
            case .take(let kind, let value):
                release(kind, of: stream)
                holders[Value(kind: kind, value: value)] = stream
                values[Holding(kind: kind, holder: stream)] = Value(kind: kind, value: value)
            case .release(let kind): release(kind, of: stream)
            case .require: break
            }
        }
    }

    private mutating func release(_ kind: ClaimKind, of stream: StreamName) {
        guard let value = values.removeValue(forKey: Holding(kind: kind, holder: stream)) else { return }
        holders[value] = nil
    }
}
