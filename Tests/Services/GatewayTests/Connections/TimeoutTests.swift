import HTTPContract
import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@testable import Gateway

/// One connection on a loop whose time the test moves.
private struct Connection {
    let channel = EmbeddedChannel()
    private let limits: ConnectionLimits

    init(_ limits: ConnectionLimits = ConnectionLimits()) throws {
        self.limits = limits
        try channel.pipeline.syncOperations.configureHTTPServerPipeline(withPipeliningAssistance: false, withErrorHandling: false)
        try HTTP1Connections.limit(channel.pipeline.syncOperations, limits, at: channel.eventLoop.now, logger: .silent)
        channel.pipeline.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 80), promise: nil)
        channel.read()
    }

    var isOpen: Bool { channel.isActive }

    /// The client sends; the server wants more.
    func send(_ text: String) throws {
        guard isOpen else { return }
        try channel.writeInbound(ByteBuffer(string: text))
        channel.read()
    }

    func pass(_ time: TimeAmount) { channel.embeddedEventLoop.advanceTime(by: time) }

    /// The server answers the request that it has.
    func answer(_ parts: HTTPServerResponsePart...) throws {
        for part in parts { try channel.writeOutbound(part) }
    }

    /// The bytes that the client has received.
    func received() throws -> String {
        var text = ""
        while let buffer = try channel.readOutbound(as: ByteBuffer.self) { text += String(buffer: buffer) }
        return text
    }

    static let head = "POST /things HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"
    static let ok = HTTPServerResponsePart.head(HTTPResponseHead(version: .http1_1, status: .ok, headers: ["Content-Length": "0"]))
}

@Suite struct `A slow client` {
    @Test func `has ten seconds for its headers, however it drips them`() throws {
        let connection = try Connection()
        try connection.send("GET / HTTP/1.1\r\nHost: x\r\nX: ")
        for _ in 1...99 {
            connection.pass(.milliseconds(100))
            try connection.send("a")
        }
        #expect(connection.isOpen)
        connection.pass(.milliseconds(100))
        #expect(!connection.isOpen)
        let answer = try connection.received().lowercased()
        #expect(answer.hasPrefix("http/1.1 408 request timeout\r\n") && answer.contains("connection: close\r\n"))
        #expect(answer.contains("x-content-type-options: nosniff\r\n") && answer.contains("request_timeout"))
    }

    @Test func `has its time again with each request`() throws {
        let connection = try Connection()
        for _ in 1...5 {
            try connection.send("GET / HTTP/1.1\r\n")
            connection.pass(.seconds(9))
            try connection.send("Host: x\r\n\r\n")
            try connection.answer(Connection.ok, .end(nil))
        }
        #expect(connection.isOpen)
    }

    @Test func `may lie idle for five minutes, from its last answer on`() throws {
        let fresh = try Connection()
        fresh.pass(.seconds(299))
        #expect(fresh.isOpen)
        fresh.pass(.seconds(1))
        #expect(!fresh.isOpen)

        let used = try Connection()
        for _ in 1...3 {
            used.pass(.seconds(299))
            try used.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            try used.answer(Connection.ok, .end(nil))
        }
        _ = try used.received()
        used.pass(.seconds(299))
        #expect(used.isOpen)
        used.pass(.seconds(1))
        #expect(!used.isOpen)
        #expect(try used.received() == "", "nothing was asked, so nothing is said")
    }

    @Test func `is not idle while it waits for its answer`() throws {
        let connection = try Connection()
        try connection.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        connection.pass(.hours(1))
        try connection.answer(Connection.ok, .end(nil))
        connection.pass(.seconds(299))
        #expect(connection.isOpen)
        connection.pass(.seconds(1))
        #expect(!connection.isOpen)
    }

    @Test func `has to send its body at the least rate, on average`() throws {
        let slow = try Connection()
        try slow.send(Connection.head)
        for _ in 1...21 {
            slow.pass(.seconds(1))
            try slow.send(String(repeating: "x", count: 512))
        }
        #expect(!slow.isOpen)
        #expect(try slow.received().hasPrefix("HTTP/1.1 408"))

        let enough = try Connection()
        try enough.send(Connection.head)
        for _ in 1...60 {
            enough.pass(.seconds(1))
            try enough.send(String(repeating: "x", count: 1024))
        }
        #expect(enough.isOpen)
        enough.pass(.seconds(11))
        #expect(!enough.isOpen)
    }

    @Test func `is not blamed while the server does not read`() throws {
        let connection = try Connection()
        try connection.channel.writeInbound(ByteBuffer(string: Connection.head))
        connection.pass(.hours(1))
        #expect(connection.isOpen)
        connection.channel.read()
        connection.pass(.seconds(9))
        #expect(connection.isOpen)
        connection.pass(.seconds(1))
        #expect(!connection.isOpen)
    }

    @Test func `is not told anything in the middle of a response`() throws {
        let connection = try Connection()
        try connection.send(Connection.head)
        try connection.answer(Connection.ok)
        let before = try connection.received()
        connection.pass(.seconds(10))
        #expect(connection.isOpen, "the response is not complete")
        try connection.answer(.end(nil))
        #expect(!connection.isOpen)
        #expect(before.hasPrefix("HTTP/1.1 200"))
        #expect(try connection.received() == "")
    }

    @Test func `that takes nothing of a response is cut off`() throws {
        let connection = try Connection()
        try connection.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        // Written and not flushed: the channel still has it.
        connection.channel.write(Connection.ok, promise: nil)
        connection.pass(.seconds(30))
        #expect(connection.isOpen)
        connection.pass(.seconds(10))
        #expect(!connection.isOpen)
    }

    @Test func `that takes all of a response in time, and then nothing, is closed`() {
        let timeouts = ConnectionTimeouts(ConnectionLimits(), at: .uptimeNanoseconds(0))
        timeouts.headIsRead()
        timeouts.requestIsRead()
        var now = NIODeadline.uptimeNanoseconds(0)
        let written = 1 << 20
        for second in stride(from: 0, through: 900, by: 29) {
            timeouts.sent(second * 1100, of: written, at: now)
            #expect(timeouts.violation(at: now) == nil)
            now = now + .seconds(29)
        }
        now = now + .seconds(2)
        timeouts.sent(870 * 1100, of: written, at: now)
        #expect(timeouts.violation(at: now) == .stalledResponse)
    }

    @Test func `that takes a little of a response now and then is closed`() throws {
        let timeouts = ConnectionTimeouts(ConnectionLimits(), at: .uptimeNanoseconds(0))
        timeouts.headIsRead()
        timeouts.requestIsRead()
        var now = NIODeadline.uptimeNanoseconds(0)
        timeouts.sent(0, of: 800_000, at: now)
        var taken = 0
        while timeouts.violation(at: now) == nil {
            try #require(now < .uptimeNanoseconds(120_000_000_000))
            now = now + .seconds(10)
            taken += 2000
            timeouts.sent(taken, of: 800_000, at: now)
        }
        #expect(timeouts.violation(at: now) == .stalledResponse)
    }

    @Test func `may take its time between two parts of a response without end`() {
        let timeouts = ConnectionTimeouts(ConnectionLimits(), at: .uptimeNanoseconds(0))
        timeouts.headIsRead()
        timeouts.requestIsRead()
        for part in 1...100 {
            let now = NIODeadline.uptimeNanoseconds(UInt64(part) * 20_000_000_000)
            timeouts.sent(10 * (part - 1), of: 10 * part, at: now)
            timeouts.sent(10 * part, of: 10 * part, at: now + .milliseconds(5))
            #expect(timeouts.violation(at: now + .milliseconds(5)) == nil)
        }
    }
}

@Suite struct `A connection of a server that stops` {
    @Test func `has a moment for a request that is on its way, and ends with its response`() throws {
        let connection = try Connection()
        connection.channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        connection.pass(.milliseconds(200))
        try connection.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        connection.pass(.seconds(1))
        try #require(connection.isOpen)
        try connection.answer(Connection.ok, .end(nil))
        #expect(try connection.received().lowercased().contains("connection: close"))
    }

    @Test func `without a request is closed after that moment`() throws {
        let connection = try Connection()
        connection.channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        connection.pass(.milliseconds(249))
        #expect(connection.isOpen)
        connection.pass(.milliseconds(1))
        #expect(!connection.isOpen)
    }
}

@Suite struct `A large client` {
    @Test func `may not send headers without end, even in one line`() throws {
        let connection = try Connection()
        try connection.send("GET /" + String(repeating: "a", count: 32 << 10))
        #expect(!connection.isOpen)
        #expect(try connection.received().hasPrefix("HTTP/1.1 414"))
    }

    @Test func `may send a large body in the packet of its headers`() throws {
        let connection = try Connection()
        try connection.send(Connection.head + String(repeating: "x", count: 60_000))
        #expect(connection.isOpen)
    }

    @Test func `that was answered is read on for a while and no longer`() throws {
        let connection = try Connection()
        try connection.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        try connection.answer(Connection.ok, .end(nil))
        let chunk = "100000\r\n" + String(repeating: "x", count: 1 << 20) + "\r\n"
        for _ in 1...15 { try connection.send(chunk) }
        #expect(connection.isOpen)
        for _ in 1...2 { try connection.send(chunk) }
        #expect(!connection.isOpen)
    }
}

@Suite struct `A response of the server below` {
    @Test func `has the headers that all answers have`() throws {
        let connection = try Connection()
        try connection.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        try connection.answer(.head(HTTPResponseHead(version: .http1_1, status: .badRequest)), .end(nil))
        let answer = try connection.received()
        #expect(answer.contains("x-content-type-options: nosniff") && answer.contains("x-frame-options: DENY"))
        try connection.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        let marked: HTTPHeaders = ["X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'self'"]
        try connection.answer(.head(HTTPResponseHead(version: .http1_1, status: .ok, headers: marked)), .end(nil))
        #expect(try connection.received().contains("default-src 'none'") == false)
    }
}
