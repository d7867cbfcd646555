package import EventSourcing

extension KeyedHasher {
    /// A request's id as it may be kept for ever, in events and closures: as it is when it can only be an id, else a keyed hash of it. A caller may
    /// write anything into `X-Request-ID`, even an email, and the log can't be erased. Keeping a kept id changes nothing.
    package func kept(requestID: String) -> String {
        guard !RequestIdentity.isOpaque(requestID) else { return requestID }
        let half = hash(["request id", requestID]).prefix(16)
        return half.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
