import CCares
import Glibc

/// The types of records that are asked for (RFC 1035 §3.2.2, RFC 3596, RFC 2782).
enum DNSRecordType: Int32 {
    case a = 1
    case aaaa = 28
    case srv = 33
}

/// Questions to DNS, driven by the thread that asks them: Debian's c-ares has no thread of its own yet.
final class AresChannel {
    private static let isReady: Int32 = ares_library_init(ARES_LIB_INIT_ALL)
    private static let internet: Int32 = 1

    private var channel: ares_channel?

    init(server: Instance?) throws(DNSFailure) {
        var options = ares_options()
        options.timeout = 1000
        options.tries = 2
        let status = Self.isReady == ARES_SUCCESS ? ares_init_options(&channel, &options, ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES) : Self.isReady
        guard status == ARES_SUCCESS else { throw .unanswered(Self.text(status)) }
        if let server, ares_set_servers_ports_csv(channel, "\(server)") != ARES_SUCCESS { throw .badServer("\(server)") }
    }

    deinit { if let channel { ares_destroy(channel) } }

    /// Asks all of them side by side. Nil for a name or a type that does not exist.
    func ask(_ questions: [(name: String, type: DNSRecordType)]) throws(DNSFailure) -> [DNSReply?] {
        let pending = questions.map { _ in Pending() }
        for (question, pending) in zip(questions, pending) {
            let argument = Unmanaged.passRetained(pending).toOpaque()
            // By the search list of the machine, as Kubernetes and Compose expect.
            ares_search(
                channel, question.name, Self.internet, question.type.rawValue,
                { argument, status, _, bytes, count in
                    guard let argument else { return }
                    let pending = Unmanaged<Pending>.fromOpaque(argument).takeRetainedValue()
                    pending.status = status
                    pending.bytes = bytes.map { Array(UnsafeBufferPointer(start: $0, count: Int(count))) } ?? []
                }, argument)
        }
        while pending.contains(where: { $0.status == nil }), process() {}
        var replies: [DNSReply?] = []
        for pending in pending {
            switch pending.status {
            case ARES_SUCCESS: replies.append(DNSReply(bytes: pending.bytes))
            case ARES_ENODATA, ARES_ENOTFOUND: replies.append(nil)
            case let status: throw .unanswered(Self.text(status ?? ARES_ETIMEOUT))
            }
        }
        return replies
    }

    /// Waits for the servers, and takes what they say. False when nothing is left to wait for.
    private func process() -> Bool {
        // Not ares_fds: its sets end at descriptor 1,023, and a gateway has more.
        var sockets = [ares_socket_t](repeating: -1, count: 16)
        let wanted = UInt32(bitPattern: ares_getsock(channel, &sockets, Int32(sockets.count)))
        guard wanted != 0 else { return false }
        var polled = sockets.indices.map { index in
            let events = (wanted >> index & 1 == 1 ? POLLIN : 0) | (wanted >> (index + 16) & 1 == 1 ? POLLOUT : 0)
            return pollfd(fd: events == 0 ? -1 : sockets[index], events: Int16(events), revents: 0)
        }
        var most = timeval(tv_sec: 5, tv_usec: 0)
        // Left as it is when nothing is due earlier.
        var wait = most
        ares_timeout(channel, &most, &wait)
        // Rounded up: to wake early would only spin.
        let isQuiet = poll(&polled, nfds_t(polled.count), Int32(wait.tv_sec) * 1000 + Int32(wait.tv_usec / 1000) + 1) <= 0
        if isQuiet { ares_process_fd(channel, -1, -1) }
        for entry in polled where !isQuiet && entry.revents != 0 {
            let isReadable = entry.revents & ~Int16(POLLOUT) != 0
            ares_process_fd(channel, isReadable ? entry.fd : -1, entry.revents & Int16(POLLOUT) != 0 ? entry.fd : -1)
        }
        return true
    }

    static func text(_ status: Int32) -> String { ares_strerror(status).map { String(cString: $0) } ?? "error \(status)" }

    /// The outcome of one question. Only the thread that asks has it.
    private final class Pending {
        var status: Int32?
        var bytes: [UInt8] = []
    }
}
