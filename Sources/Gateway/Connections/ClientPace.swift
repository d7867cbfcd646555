import HTTPContract
import NIOCore

/// How fast the client of one connection is. Only the time in which the server waits for it counts, so a client is never blamed for a busy server.
struct ClientPace {
    /// Why a connection is closed on its client.
    enum Objection: Equatable {
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
    /// Requests whose answer is not complete.
    private var unanswered = 0
    private var isAnswerBegun = false

    init(_ limits: ConnectionLimits) {
        self.limits = limits
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

    mutating func answerIsWritten() {
        unanswered -= 1
        isAnswerBegun = false
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
        guard let due = inputDue, now >= due else { return nil }
        switch phase {
        case .head: return .slowHead
        case .body: return .slowBody
        case .betweenRequests: return nil
        }
    }

    /// When to look again; nil while nothing is expected of the client.
    var due: NIODeadline? {
        let output = unreadSince.map { $0 + TimeAmount(limits.unread) }
        guard let input = inputDue else { return output }
        return output.map { min($0, input) } ?? input
    }

    private var inputDue: NIODeadline? {
        guard let waitingSince else { return nil }
        switch phase {
        case .betweenRequests: return nil
        case .head: return waitingSince + (TimeAmount(limits.headers) - waited)
        case .body(let bytes):
            let earned = TimeAmount.nanoseconds(Int64(Double(bytes) / Double(limits.bodyRate) * 1e9))
            return waitingSince + (TimeAmount(limits.bodyGrace) + earned - waited)
        }
    }

    private mutating func enter(_ next: Phase) {
        phase = next
        waited = .zero
    }
}
