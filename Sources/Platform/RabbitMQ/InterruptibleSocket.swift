import Glibc
import Synchronization

/// The socket of a connection, from before it is connected until it is closed. Another thread can end a call that waits on it.
final class InterruptibleSocket: Sendable {
    private let state = Mutex((descriptor: Int32?.none, isInterrupted: false))

    /// Whether the connection is of no use any more.
    var isInterrupted: Bool { state.withLock(\.isInterrupted) }

    /// Forgets the descriptor, before its number can be another's.
    func closed() { state.withLock { $0 = (nil, false) } }

    /// Ends the connection, or the attempt to make it. Its calls fail from here on.
    func interrupt() {
        state.withLock { state in
            guard let descriptor = state.descriptor else { return }
            shutdown(descriptor, Int32(SHUT_RDWR))
            state.isInterrupted = true
        }
    }

    /// Connects to the first address of a host that answers, and returns the descriptor, which the caller owns. An interruption ends it at once, but
    /// for the look-up of the host's name, which has no way to be ended.
    /// - Parameters:
    ///   - patience: for all addresses together.
    ///   - isAwaited: asked once there is something that can be interrupted. An interruption before that has met nothing.
    func connect(
        to host: String, port: Int, within patience: Duration, isAwaited: () -> Bool
    ) throws(RabbitMQError) -> Int32 {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(host, String(port), &hints, &found)
        guard status == 0 else { throw .unavailable(String(cString: gai_strerror(status))) }
        defer { freeaddrinfo(found) }
        let end = ContinuousClock.now + patience
        var fault = ECONNREFUSED
        var next = found
        while let address = next?.pointee {
            next = address.ai_next
            let descriptor = socket(address.ai_family, address.ai_socktype | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
            guard descriptor >= 0 else {
                fault = errno
                continue
            }
            state.withLock { $0 = (descriptor, false) }
            fault = isAwaited() ? connect(descriptor, to: address, until: end) : ECANCELED
            if fault == 0 { return descriptor }
            let isOver = isInterrupted || fault == ECANCELED
            closed()
            close(descriptor)
            if isOver { throw .unavailable("it is not waited for any more") }
        }
        throw .unavailable(String(cString: strerror(fault)))
    }

    /// Returns 0, or why there is no connection.
    private func connect(_ descriptor: Int32, to address: addrinfo, until end: ContinuousClock.Instant) -> Int32 {
        if Glibc.connect(descriptor, address.ai_addr, address.ai_addrlen) != 0 {
            guard errno == EINPROGRESS else { return errno }
            // An interruption before `connect` does not end it, and one after it does.
            guard !isInterrupted else { return ECANCELED }
            var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            while true {
                let left = max(.zero, end - .now)
                let count = poll(&waiting, 1, Int32(clamping: Int64(left / .milliseconds(1)) + 1))
                if count > 0 { break }
                if count == 0 { return ETIMEDOUT }
                guard errno == EINTR else { return errno }
            }
            var (fault, size) = (Int32(0), socklen_t(MemoryLayout<Int32>.size))
            guard getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &fault, &size) == 0 else { return errno }
            guard fault == 0 else { return fault }
            guard !isInterrupted else { return ECANCELED }
        }
        // As librabbitmq sets it for sockets of its own.
        var isOn: Int32 = 1
        for (level, option) in [(Int32(IPPROTO_TCP), TCP_NODELAY), (SOL_SOCKET, SO_KEEPALIVE)] {
            setsockopt(descriptor, level, option, &isOn, socklen_t(MemoryLayout<Int32>.size))
        }
        return 0
    }
}
