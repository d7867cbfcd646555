import HTTPContract
import NIOCore

/// How fast the client of one connection is. Only the time in which the server waits for it counts, so a client is never blamed for a busy server.
struct ClientPace {
    /// Why a connection is closed on its client.
    enum Objection: Equatable {
        case idle
        case slowHead
        case largeHead
        case slowBody
        case unreadAnswer
        /// The body of a request that was answered without it goes on and on.
        case endlessBody
    }

    private enum Phase: Equatable {
        case betweenRequests
        case head(bytes: Int)
        case body(bytes: Int)
    }

    private let limits: ConnectionLimits
    private var phase = Phase.betweenRequests
    /// Time spent waiting for the client in this phase.
    private var waited = TimeAmount.zero
    private var waitingSince: NIODeadline?
    private var unreadSince: NIODeadline?
    private var idleSince: NIODeadline
    /// Requests whose answer is not complete.
    private var unanswered = 0
    private var isAnswerBegun = false

    init(_ limits: ConnectionLimits, at now: NIODeadline) {
        self.limits = limits
        idleSince = now
    }

    /// The server wants more from the client.
    mutating func wait(from now: NIODeadline) {
        if waitingSince == nil { waitingSince = now }
    }

    mutating func receive(bytes: Int, at now: NIODeadline) {
        if let since = waitingSince { waited = waited + (now - since) }
        waitingSince = nil
        switch phase {
        case .betweenRequests: enter(.head(bytes: bytes))
        case .head(let before): phase = .head(bytes: before + bytes)
        case .body(let before): phase = .body(bytes: before + bytes)
        }
    }

    mutating func headIsRead() {
        unanswered += 1
        enter(.body(bytes: 0))
    }

    mutating func requestIsRead() { enter(.betweenRequests) }

    mutating func answerIsBegun() { isAnswerBegun = true }

    mutating func answerIsWritten(at now: NIODeadline) {
        unanswered -= 1
        isAnswerBegun = false
        idleSince = now
    }

    /// Whether what was written last finds room on its way to the client.
    mutating func room(_ isThere: Bool, at now: NIODeadline) {
        unreadSince = isThere ? nil : unreadSince ?? now
    }

    /// Whether the client can be told why: when no other answer is due before, or half written.
    var canBeTold: Bool {
        switch phase {
        case .betweenRequests: false
        case .head: unanswered == 0
        case .body: unanswered == 1 && !isAnswerBegun
        }
    }

    /// What is wrong with the client by now.
    func objection(at now: NIODeadline) -> Objection? {
        switch phase {
        case .head(let bytes) where bytes > limits.headBytes: return .largeHead
        case .body(let bytes) where unanswered == 0 && bytes > HTTPLimits.largestBodyBytes: return .endlessBody
        case .head, .body, .betweenRequests: break
        }
        if let unreadSince, now >= unreadSince + TimeAmount(limits.unread) { return .unreadAnswer }
        guard let due = clientDue, now >= due else { return nil }
        switch phase {
        case .betweenRequests: return .idle
        case .head: return .slowHead
        case .body: return .slowBody
        }
    }

    /// When to look again. Never later than after the shortest limit that can begin meanwhile, so one timer is always enough; and never much later than a connection's end,
    /// since to cancel a timer would cost a walk through all of them.
    func due(at now: NIODeadline) -> NIODeadline {
        let step = TimeAmount(min(limits.headers, limits.bodyGrace, limits.unread))
        let output = unreadSince.map { $0 + TimeAmount(limits.unread) }
        return [clientDue, output].compactMap { $0 }.reduce(now + step, min)
    }

    /// When the client is too late with what it owes; nil while it owes nothing.
    private var clientDue: NIODeadline? {
        switch phase {
        case .betweenRequests: return unanswered > 0 ? nil : idleSince + TimeAmount(limits.idle)
        case .head: return waitingSince.map { $0 + (TimeAmount(limits.headers) - waited) }
        case .body(let bytes):
            let earned = TimeAmount.nanoseconds(Int64(Double(bytes) / Double(limits.bodyRate) * 1e9))
            return waitingSince.map { $0 + (TimeAmount(limits.bodyGrace) + earned - waited) }
        }
    }

    private mutating func enter(_ next: Phase) {
        phase = next
        waited = .zero
    }
}
