import NIOCore
import Synchronization

/// One connection, shared by all who send commands: they are written in the order in which they come, and replies come in the same.
final class RedisConnection: Sendable {
    private struct State {
        /// Commands that wait for the next write.
        var outgoing = ByteBuffer()
        var isWriteScheduled = false
        /// In the order of their replies.
        var awaited = CircularBuffer<AwaitedReply>()
        /// When the deadlines are looked at next.
        var nextLook: NIODeadline?
        var end: RedisError?
    }

    let channel: any Channel
    private let mostInFlight: Int
    private let patience: TimeAmount
    private let onMessage: (@Sendable (_ channel: String, _ payload: String) -> Void)?
    private let state = Mutex(State())

    /// - Parameter onMessage: takes what is published to the channels that the connection subscribes to.
    init(_ channel: any Channel, _ limits: RedisLimits, onMessage: (@Sendable (String, String) -> Void)?) {
        self.channel = channel
        mostInFlight = limits.mostInFlight
        patience = TimeAmount(limits.patience)
        self.onMessage = onMessage
    }

    /// Sends a command. Answers at the deadline at the latest.
    /// - Parameter isFinal: sent and waited for by a task that is cancelled, too.
    func send(_ command: RedisCommand, within limit: Duration, isFinal: Bool = false) async throws(RedisError) -> RedisReply {
        let mine = Mutex<AwaitedReply?>(nil)
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let reply = AwaitedReply(deadline: .now() + TimeAmount(limit), continuation)
                mine.withLock { $0 = reply }
                submit(command, reply)
                // Cancelled before there was anything to settle.
                if Task.isCancelled, !isFinal { reply.settle(.failure(.cancelled)) }
            }
        } onCancel: {
            if !isFinal { mine.withLock { $0 }?.settle(.failure(.cancelled)) }
        }
        return try result.get()
    }

    /// Ends it. Whoever waits is told.
    func close(_ error: RedisError) {
        end(error)
        channel.close(promise: nil)
    }

    /// Takes the next reply.
    func receive(_ reply: RedisReply) {
        if let onMessage, let parts = reply.array, parts.count == 3, parts[0].text == "message", let channel = parts[1].text,
            let payload = parts[2].text
        {
            return onMessage(channel, payload)
        }
        guard let awaited = state.withLock({ $0.awaited.popFirst() }) else {
            close(.unreadable("a reply that nobody has asked for"))
            return
        }
        if case .failure(let line) = reply { awaited.settle(.failure(RedisError(line: line))) } else { awaited.settle(.success(reply)) }
    }

    /// The channel is closed.
    func end(_ error: RedisError) {
        let left = state.withLock { state in
            if state.end == nil { state.end = error }
            defer { state.awaited.removeAll() }
            return state.awaited
        }
        for awaited in left { awaited.settle(.failure(error)) }
    }

    private func submit(_ command: RedisCommand, _ reply: AwaitedReply) {
        let refusal: RedisError? = state.withLock { state in
            if let end = state.end { return end }
            guard state.awaited.count < mostInFlight else { return .overloaded }
            state.awaited.append(reply)
            command.encode(into: &state.outgoing)
            let isLookLate = state.nextLook.map { reply.deadline < $0 } ?? true
            if isLookLate { state.nextLook = reply.deadline }
            // Scheduled under the lock, or a look could come before it is known.
            if isLookLate { channel.eventLoop.scheduleTask(deadline: reply.deadline) { [weak self] in self?.look(at: reply.deadline) } }
            if !state.isWriteScheduled {
                state.isWriteScheduled = true
                channel.eventLoop.execute { self.write() }
            }
            return nil
        }
        if let refusal { reply.settle(.failure(refusal)) }
    }

    /// All commands that came since the last write go out as one.
    private func write() {
        let bytes = state.withLock { state in
            state.isWriteScheduled = false
            defer { state.outgoing = ByteBuffer() }
            return state.outgoing
        }
        channel.writeAndFlush(bytes, promise: nil)
    }

    /// Answers those whose deadline has passed. One timer serves all: a timer for each command would cost more than the command.
    private func look(at due: NIODeadline) {
        let now = NIODeadline.now()
        let (late, isDead) = state.withLock { state -> ([AwaitedReply], Bool) in
            // An earlier look has replaced this one.
            guard state.nextLook == due else { return ([], false) }
            // The reply of the first is late only when the server is: the others' wait for it.
            let death = state.awaited.first.map { $0.deadline + patience }
            let next = (state.awaited.map(\.deadline) + (death.map { [$0] } ?? [])).filter { $0 > now }.min()
            state.nextLook = next
            if let next { channel.eventLoop.scheduleTask(deadline: next) { [weak self] in self?.look(at: next) } }
            return (state.awaited.filter { $0.deadline <= now }, death.map { $0 <= now } ?? false)
        }
        for awaited in late { awaited.settle(.failure(.timedOut)) }
        if isDead { close(.unavailable("the server does not answer")) }
    }
}
