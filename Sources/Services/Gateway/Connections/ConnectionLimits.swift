/// What one connection may take of the server's time and memory.
package struct ConnectionLimits: Sendable, Equatable {
    /// How long a connection may lie between two requests.
    package var idle: Duration
    /// How long the server waits, all in all, for a request's line and headers once their first byte is there.
    package var headers: Duration
    /// How long the server waits for a body before it counts its rate.
    package var bodyGrace: Duration
    /// Bytes a second that a body must come at, on average over the time that the server waited for it.
    package var bodyRate: Int
    /// How long a client may leave an answer unread that no longer fits into the buffers on its way.
    package var unread: Duration
    /// The largest request line and headers, in bytes.
    package var headBytes: Int
    /// The most header fields.
    package var headerFields: Int

    package init(
        idle: Duration = .seconds(300), headers: Duration = .seconds(10), bodyGrace: Duration = .seconds(10), bodyRate: Int = 1024,
        unread: Duration = .seconds(30), headBytes: Int = 32 << 10, headerFields: Int = 100
    ) {
        self.idle = idle
        self.headers = headers
        self.bodyGrace = bodyGrace
        self.bodyRate = bodyRate
        self.unread = unread
        self.headBytes = headBytes
        self.headerFields = headerFields
    }
}
