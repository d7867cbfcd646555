import NIOCore
import Synchronization
import Testing

@testable import Gateway

@Suite(.timeLimit(.minutes(5))) struct `A client of HTTP/2` {
    /// The fate of an attacker. The server is patient in all that a test does not change, however busy the machine is.
    private func attack(_ kind: String, _ change: @Sendable (inout ConnectionLimits) -> Void = { _ in }) async throws -> String {
        var limits = ConnectionLimits(headers: .seconds(20), bodyGrace: .seconds(20), send: .seconds(20))
        change(&limits)
        let own = limits
        return try await TestCertificate.make { certificate in
            let outcome = Mutex("")
            try await LoopbackServer.run(own, certificates: certificate.files()) { port in
                let said = try await Program.attack(kind, port: port)
                outcome.withLock { $0 = said }
            }
            return outcome.withLock { $0 }
        }
    }

    @Test func `that sends a body too slowly gets 408 on its stream, and others on the connection their answers`() async throws {
        #expect(try await attack("slow_body") { $0.bodyGrace = .milliseconds(200) } == "408 200")
    }

    @Test func `that takes nothing of a response loses the stream`() async throws {
        #expect(try await attack("stalled_reader") { $0.send = .milliseconds(300) } == "reset")
    }

    @Test(arguments: ["slow_head", "half_frame", "no_preface", "no_handshake"])
    func `that does not go on with what it began loses the connection`(kind: String) async throws {
        #expect(try await attack(kind) { $0.headers = .seconds(6) } == "ended")
    }

    @Test(arguments: ["rapid_reset", "continuation_flood", "pings", "huge_head"])
    func `that floods the server loses the connection`(kind: String) async throws {
        #expect(try await attack(kind) == "ended")
    }

    @Test func `that opens more streams than it may has those refused that are too many`() async throws {
        let outcome = try await attack("many_streams") { $0.streams = 4 }
        #expect(outcome.hasSuffix("refused") && !outcome.hasPrefix("8"), "\(outcome)")
    }

    @Test func `whose head is too large gets 431, and keeps the connection`() async throws {
        let large = try await attack("large_head")
        #expect(large == "431 200")
        #expect(try await attack("many_fields") == "431")
    }

    @Test func `whose head breaks the rules gets what it would get over HTTP/1.1, or loses its stream`() async throws {
        #expect(try await attack("bad_heads") == "414 400 reset reset")
    }

    @Test func `may name its host a second time, and no other one`() async throws {
        #expect(try await attack("hosts") == "200 200 400 400")
    }

    @Test func `need not announce the length of a body`() async throws {
        #expect(try await attack("unannounced_body") == "POST / 6")
    }

    @Test func `that asks nothing for long is told to go`() async throws {
        #expect(try await attack("idle") { $0.idle = .seconds(5) } == "200 ended GOAWAY 0")
    }
}

@Suite(.timeLimit(.minutes(5))) struct `The frames of a connection` {
    private static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    private func frame(_ type: UInt8, _ flags: UInt8 = 0, _ count: Int) -> [UInt8] {
        [UInt8(count >> 16 & 255), UInt8(count >> 8 & 255), UInt8(count & 255), type, flags, 0, 0, 0, 1] + Array(repeating: 7, count: count)
    }

    /// Whether more is owed after these bytes, however they were cut.
    private func owes(_ bytes: [UInt8]) -> Bool {
        let whole = owes(in: [bytes])
        #expect(owes(in: bytes.map { [$0] }) == whole)
        return whole
    }

    private func owes(in pieces: [[UInt8]]) -> Bool {
        var watch = FrameWatch()
        for piece in pieces { _ = watch.take(ByteBuffer(bytes: piece).readableBytesView) }
        return watch.owesMore
    }

    @Test func `owe the rest of the preface, of a frame, and of a header block`() {
        #expect(owes([]) && owes(Self.preface.dropLast()) && !owes(Self.preface))
        let settings = Self.preface + frame(4, 0, 300)
        #expect(!owes(settings) && owes(settings.dropLast()) && owes(settings + [0]))
        #expect(owes(settings + frame(1, 0, 5)) && !owes(settings + frame(1, 4, 5)))
        #expect(owes(settings + frame(1, 0, 5) + frame(9, 0, 0)) && !owes(settings + frame(1, 0, 5) + frame(9, 0, 70_000) + frame(9, 4, 1)))
    }

    @Test func `owe no rest of a body, which is the stream's to ask for`() {
        #expect(!owes(Self.preface + frame(0, 0, 300).dropLast(200)))
        #expect(owes(Self.preface + frame(0, 0, 300).prefix(5)))
    }

    @Test func `tell whether what is owed has just begun`() {
        var watch = FrameWatch()
        func take(_ bytes: some Sequence<UInt8>) -> Bool { watch.take(ByteBuffer(bytes: bytes).readableBytesView) }
        let settings = frame(4, 0, 6)
        let taken = [
            take(Self.preface.prefix(20)), take(Self.preface.suffix(4) + settings.prefix(3)), take(settings[3..<6]), take(settings[6...] + [0]),
        ]
        #expect(taken == [false, true, false, true])
    }
}
