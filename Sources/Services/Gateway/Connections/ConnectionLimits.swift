import Glibc

/// The bounds on one client connection's use of time and memory.
package struct ConnectionLimits: Sendable, Equatable {
    /// How long a connection may stay open between two requests.
    package var idle: Duration
    /// How long the server waits, all in all, for a request line and its header fields once their first byte is there.
    package var headers: Duration
    /// How long the server waits for a body before its rate counts.
    package var bodyGrace: Duration
    /// The least rate of a body in bytes a second, on average over the time that the server waited for it.
    package var bodyRate: Int
    /// How long the client may take nothing of a response that waits to be sent.
    package var send: Duration
    /// The least rate of a response in bytes a second, over each `send` in which some of it waits.
    package var sendRate: Int
    /// How long a connection without a request may stay once the server stops: one may be on its way.
    package var settle: Duration
    /// How long a connection that the server has ended may stay, so that the client can read the last response before it is reset (RFC 9112 §9.6).
    package var linger: Duration
    /// How long a client that has shut its side may wait for its answer: it is hardly ever there any more, and looks the same when it is.
    package var halfClosed: Duration
    /// The longest request target, in bytes. RFC 9112 §3 asks for 8000 at least.
    package var targetBytes: Int
    /// The largest request line and header fields together, in bytes.
    package var headBytes: Int
    /// The most header fields.
    package var headerFields: Int
    /// The most requests of one HTTP/2 connection at a time.
    package var streams: Int
    /// The most connections at a time. Nil leaves some of the process's descriptors for everything else.
    package var connections: Int?
    /// Once it has begun, connections end with their next response. Nil for a server that stops at once.
    package var drain: Drain?

    package init(
        idle: Duration = .seconds(300), headers: Duration = .seconds(10), bodyGrace: Duration = .seconds(10), bodyRate: Int = 1024,
        send: Duration = .seconds(30), sendRate: Int = 1024, settle: Duration = .milliseconds(250), linger: Duration = .seconds(2),
        halfClosed: Duration = .seconds(2), targetBytes: Int = 8 << 10,
        headBytes: Int = 32 << 10, headerFields: Int = 100, streams: Int = 100, connections: Int? = nil
    ) {
        self.idle = idle
        self.headers = headers
        self.bodyGrace = bodyGrace
        self.bodyRate = bodyRate
        self.send = send
        self.sendRate = sendRate
        self.settle = settle
        self.linger = linger
        self.halfClosed = halfClosed
        self.targetBytes = targetBytes
        self.headBytes = headBytes
        self.headerFields = headerFields
        self.streams = streams
        self.connections = connections
    }
}

/// How many descriptors the process may have open.
struct DescriptorLimit: Equatable {
    let descriptors: Int

    /// Raises the process's own limit to what its user may have, as servers do: the lower one is for programs that use `select`.
    static func raised() -> DescriptorLimit {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return DescriptorLimit(descriptors: 1024) }
        if limit.rlim_cur < limit.rlim_max {
            var raised = rlimit(rlim_cur: limit.rlim_max, rlim_max: limit.rlim_max)
            if setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &raised) == 0 { limit = raised }
        }
        return DescriptorLimit(descriptors: Int(clamping: limit.rlim_cur))
    }

    /// The connections for which there are descriptors. 256 are left for databases and files, or half where there are few.
    var connections: Int { max(descriptors / 2, descriptors - 256) }
}
