import CLinuxIO
import Glibc
import Synchronization

/// Is told that a socket can be read or written, on the reactor's thread, so it must not block.
protocol SocketHandler: AnyObject, Sendable {
    func socketIsReady(readable: Bool, writable: Bool)
}

/// The events to wait for on a socket.
struct SocketInterest: OptionSet {
    let rawValue: UInt8
    static let read = SocketInterest(rawValue: 1)
    static let write = SocketInterest(rawValue: 2)
}

/// One thread that waits for every PostgreSQL socket of the process, level-triggered.
///
/// It only reads: queries are written by the tasks that make them, so it is no bottleneck for sending. One for the process, not one per pool,
/// because taking a result off the wire costs a microsecond or two: a thread serves more than the server beside it can answer, and each
/// further thread would only add switches.
final class Reactor: Sendable {
    static let shared = Reactor()

    private struct State {
        var handlers: [UInt64: any SocketHandler] = [:]
        var timers: [Timer] = []
        var lastToken: UInt64 = 0
    }

    private let state = Mutex(State())
    private let epoll: Int32
    private let wakeUp: Int32
    private static let wakeToken: UInt64 = 0

    private init() {
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        wakeUp = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        precondition(epoll >= 0 && wakeUp >= 0, "no file descriptor left for epoll")
        var event = epoll_event(events: EPOLLIN.rawValue, data: epoll_data_t(u64: Self.wakeToken))
        precondition(epoll_ctl(epoll, EPOLL_CTL_ADD, wakeUp, &event) == 0)
        startThread("postgres-io") { self.loop() }
    }

    /// Starts to watch `socket` for reading. The token names it from now on.
    func watch(_ socket: Int32, _ handler: any SocketHandler) throws(SystemError) -> UInt64 {
        let token = state.withLock { state in
            state.lastToken += 1
            state.handlers[state.lastToken] = handler
            return state.lastToken
        }
        do throws(SystemError) {
            try control(EPOLL_CTL_ADD, socket, token, .read)
        } catch {
            state.withLock { $0.handlers[token] = nil }
            throw error
        }
        return token
    }

    func change(_ socket: Int32, _ token: UInt64, to interest: SocketInterest) throws(SystemError) {
        try control(EPOLL_CTL_MOD, socket, token, interest)
    }

    /// Stops watching; must come before the socket is closed, else a new one with its number would be told.
    func forget(_ socket: Int32, _ token: UInt64) {
        state.withLock { $0.handlers[token] = nil }
        epoll_ctl(epoll, EPOLL_CTL_DEL, socket, nil)
    }

    /// Calls `body` on the reactor's thread at `deadline`.
    func schedule(at deadline: ContinuousClock.Instant, _ body: @escaping @Sendable () -> Void) {
        state.withLock { $0.timers.append(Timer(deadline: deadline, fire: body)) }
        var one: UInt64 = 1
        // Can only fail when the counter is full, and then the thread is about to wake anyway.
        _ = write(wakeUp, &one, 8)
    }

    private func control(_ operation: Int32, _ socket: Int32, _ token: UInt64, _ interest: SocketInterest) throws(SystemError) {
        var events: UInt32 = 0
        if interest.contains(.read) { events |= EPOLLIN.rawValue }
        if interest.contains(.write) { events |= EPOLLOUT.rawValue }
        var event = epoll_event(events: events, data: epoll_data_t(u64: token))
        try systemCall("epoll_ctl") { epoll_ctl(epoll, operation, socket, &event) }
    }

    private func loop() {
        let capacity = 64
        var events = [epoll_event](repeating: epoll_event(), count: capacity)
        while true {
            let count = epoll_wait(epoll, &events, Int32(capacity), millisecondsToNextTimer())
            for event in events.prefix(Int(max(count, 0))) {
                guard event.data.u64 != Self.wakeToken else {
                    var counter: UInt64 = 0
                    _ = read(wakeUp, &counter, 8)
                    continue
                }
                // Hang-ups and errors show themselves by reading.
                let readable = event.events & ~EPOLLOUT.rawValue != 0
                let writable = event.events & EPOLLOUT.rawValue != 0
                state.withLock { $0.handlers[event.data.u64] }?.socketIsReady(readable: readable, writable: writable)
            }
            fireTimers()
        }
    }

    private func millisecondsToNextTimer() -> Int32 {
        guard let next = state.withLock({ $0.timers.map(\.deadline).min() }) else { return -1 }
        let wait = ContinuousClock.now.duration(to: next)
        // Rounded up: waking early would only spin.
        return Int32(clamping: max(0, wait.components.seconds * 1000 + wait.components.attoseconds / 1_000_000_000_000_000 + 1))
    }

    private func fireTimers() {
        guard state.withLock({ !$0.timers.isEmpty }) else { return }
        let now = ContinuousClock.now
        let due = state.withLock { state in
            let split = state.timers.partition { $0.deadline <= now }
            let due = Array(state.timers[split...])
            state.timers.removeSubrange(split...)
            return due
        }
        for timer in due { timer.fire() }
    }
}

/// A call at a time. Few live at once (one per waiting pool), so a plain array holds them.
private struct Timer: Sendable {
    let deadline: ContinuousClock.Instant
    let fire: @Sendable () -> Void
}

/// A failed system call.
struct SystemError: Error, CustomStringConvertible {
    let call: String
    let code: Int32

    var description: String { "\(call): \(String(cString: strerror(code)))" }
}

/// Runs a system call, again when a signal interrupts it.
@discardableResult
func systemCall(_ name: String, _ body: () -> Int32) throws(SystemError) -> Int32 {
    while true {
        let result = body()
        if result >= 0 { return result }
        let code = errno
        if code != EINTR { throw SystemError(call: name, code: code) }
    }
}
