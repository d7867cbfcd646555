import HTTPContract
import NIOCore

/// How long one client keeps the server waiting, and with how much. Only the time in which the server waits for the client counts, so no client pays
/// for a busy server.
///
/// Two handlers of the connection share it, on the event loop of its channel only.
final class ConnectionTimeouts {
    /// A limit that the client has broken.
    enum Violation: Equatable {
        case idle
        case slowHead
        /// The request line goes on past the limit of the whole head.
        case endlessTarget
        case largeHead
        case slowBody
        /// The client keeps sending a body after its response is complete.
        case endlessBody
        case stalledResponse
    }

    private enum Phase: Equatable {
        case betweenRequests
        case head(bytes: Int, hasLine: Bool)
        case body(bytes: Int)
        /// Nothing more is read; what is still to be sent is sent.
        case inputEnded
    }

    private let limits: ConnectionLimits
    private var phase = Phase.betweenRequests
    /// The time for which the server has waited in this phase.
    private var waited = TimeAmount.zero
    private var waitingSince: NIODeadline?
    private var idleSince: NIODeadline
    /// Requests whose response is not complete.
    private var unanswered = 0
    private var sentBytes = 0
    private var stalledSince: NIODeadline?
    /// The time in which the rate of the response is measured, and what had left before.
    private var sending: (since: NIODeadline, bytes: Int)?
    private var isSlow = false

    init(_ limits: ConnectionLimits, at now: NIODeadline) {
        self.limits = limits
        idleSince = now
    }

    /// Whether bytes of the client are still looked at.
    var isReading: Bool {
        switch phase {
        case .betweenRequests, .head, .body: true
        case .inputEnded: false
        }
    }

    /// Whether the head that is being read is still in its first line.
    var isInRequestLine: Bool { if case .head(_, hasLine: false) = phase { true } else { false } }

    /// The server wants more from the client.
    func wait(from now: NIODeadline) {
        if waitingSince == nil { waitingSince = now }
    }

    func receive(_ bytes: ByteBufferView, at now: NIODeadline) {
        if let since = waitingSince { waited = waited + (now - since) }
        waitingSince = nil
        switch phase {
        case .betweenRequests: enter(.head(bytes: bytes.count, hasLine: hasLineEnd(bytes, after: 0)))
        case .head(let before, let hasLine): phase = .head(bytes: before + bytes.count, hasLine: hasLine || hasLineEnd(bytes, after: before))
        case .body(let before): phase = .body(bytes: before + bytes.count)
        case .inputEnded: break
        }
    }

    /// Whether the first line ends within the limit of the whole head. What stands behind that may be another request.
    private func hasLineEnd(_ bytes: ByteBufferView, after before: Int) -> Bool {
        bytes.prefix(max(0, limits.headBytes - before)).contains(UInt8(ascii: "\n"))
    }

    func headIsRead() {
        unanswered += 1
        enter(.body(bytes: 0))
    }

    func requestIsRead() { enter(.betweenRequests) }

    func responseIsWritten(at now: NIODeadline) {
        unanswered -= 1
        idleSince = now
    }

    /// Nothing more is read from the client, which owes nothing more.
    func endInput() { enter(.inputEnded) }

    /// How many of the bytes that were ever written have left for the client. It stalls while there are more to send and none leave, and is slow when
    /// it takes a little only, now and then, so as to hold all of it.
    func sent(_ bytes: Int, of written: Int, at now: NIODeadline) {
        if bytes == written {
            sending = nil
        } else if let (since, before) = sending {
            if now >= since + TimeAmount(limits.send) {
                isSlow = Double(bytes - before) < Double(limits.sendRate) * (limits.send / .seconds(1))
                sending = (now, bytes)
            }
        } else {
            sending = (now, bytes)
        }
        if bytes == written { stalledSince = nil } else if bytes > sentBytes || stalledSince == nil { stalledSince = now }
        sentBytes = bytes
    }

    /// The limit that is broken by now.
    func violation(at now: NIODeadline) -> Violation? {
        switch phase {
        case .head(let bytes, let hasLine) where bytes > limits.headBytes: return hasLine ? .largeHead : .endlessTarget
        case .body(let bytes) where unanswered == 0 && bytes > HTTPLimits.largestBodyBytes: return .endlessBody
        case .head, .body, .betweenRequests, .inputEnded: break
        }
        if isSlow { return .stalledResponse }
        if let stalledSince, now >= stalledSince + TimeAmount(limits.send) { return .stalledResponse }
        guard let clientDue, now >= clientDue else { return nil }
        switch phase {
        case .betweenRequests: return .idle
        case .head: return .slowHead
        case .body: return .slowBody
        case .inputEnded: return nil
        }
    }

    /// When to look again. Never later than after the shortest limit that can begin meanwhile, so one timer is always enough; and never much later
    /// than a connection's end, since to cancel a timer would cost a walk through all of them.
    func due(at now: NIODeadline) -> NIODeadline {
        let step = TimeAmount(min(limits.headers, limits.bodyGrace, limits.send))
        let (send, rate) = (stalledSince.map { $0 + TimeAmount(limits.send) }, sending.map { $0.since + TimeAmount(limits.send) })
        return [clientDue, send, rate].compactMap { $0 }.reduce(now + step, min)
    }

    /// When the client is too late with what it owes; nil while it owes nothing.
    private var clientDue: NIODeadline? {
        switch phase {
        case .betweenRequests: return unanswered > 0 ? nil : idleSince + TimeAmount(limits.idle)
        case .head: return waitingSince.map { $0 + (TimeAmount(limits.headers) - waited) }
        case .body(let bytes):
            let earned = TimeAmount.nanoseconds(Int64(Double(bytes) / Double(limits.bodyRate) * 1e9))
            return waitingSince.map { $0 + (TimeAmount(limits.bodyGrace) + earned - waited) }
        case .inputEnded: return nil
        }
    }

    private func enter(_ next: Phase) {
        phase = next
        waited = .zero
    }
}
