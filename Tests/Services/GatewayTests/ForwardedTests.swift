import Gateway
import HTTPContract
import HTTPTypes
import Hummingbird
import JSON
import Synchronization
import TestSupport
import Testing

/// The address that a service sees of a client whose request came from a peer with these headers.
private func client(
    _ headers: HTTPFields, from peer: String = "10.1.2.3", proxies: [String] = ["10.0.0.0/8", "2001:db8::/32"], lines: SpokenLog = SpokenLog()
) async throws -> String? {
    let queries = Spy("queries") { _, context in Answer.data { $0.string(context.clientAddress ?? "none") } }
    let settings = GatewaySettings(proxies: proxies.compactMap { AddressBlock($0) })
    var context = CallContext(logger: .silent, requestID: "", traceparent: "")
    context.clientAddress = peer
    return try await SpiedGateway(queries: queries, settings: settings, logger: lines.logger).answer(.get, "/api/v1/posts", headers, context: context)
        .data
}

@Suite(.timeLimit(.minutes(5))) struct `Forwarded` {
    @Test(arguments: [
        ("for=203.0.113.9", "203.0.113.9"), ("for=203.0.113.9:4711;proto=https", "203.0.113.9"), (#"For="[2001:db9::1]""#, "2001:db9::1"),
        (#"for="[2001:db9::1]:443"; host="a,b;c""#, "2001:db9::1"), ("for=1.1.1.1, for=203.0.113.9;by=10.2.2.2, for=10.9.9.9", "203.0.113.9"),
        (#"for=_hidden, for="203.0.113.9", for=10.8.8.8"#, "203.0.113.9"), ("proto=http;for=203.0.113.9", "203.0.113.9"),
        (#"host="q\"x";for=203.0.113.9"#, "203.0.113.9"), (",, for=203.0.113.9 ,", "203.0.113.9"),
    ])
    func `names the first that is no proxy of ours, from the right`(row: (String, String)) async throws {
        #expect(try await client([.forwarded: row.0]) == row.1)
    }

    @Test(arguments: [
        "for=unknown", "for=_secret", #"for="_secret:_port""#, "for=203.0.113.9, for=unknown", "for=unknown:4711", "proto=https", "",
    ])
    func `of a hidden client leaves the address of the proxy that hides it, and is nothing to tell`(header: String) async throws {
        let lines = SpokenLog()
        #expect(try await client([.forwarded: header], lines: lines) == "10.1.2.3")
        #expect(!lines.text.contains("forwards"))
        #expect(try await client([.forwarded: header + ", for=10.9.9.9"]) == "10.9.9.9")
    }

    @Test(arguments: [
        "for=nobody", "for", "=1.1.1.1", "for=", #"for="203.0.113.9"#, #"for="[::1""#, "for=203.0.113.9:80:80", "for=1.2.3", "203.0.113.9",
        "for=nobody, for=10.9.9.9", String(repeating: "\",", count: 999),
    ])
    func `that can't be read leaves the peer's own address, and is told`(header: String) async throws {
        let lines = SpokenLog()
        #expect(try await client([.forwarded: header], lines: lines) == "10.1.2.3")
        #expect(lines.text.contains("forwards for something that is no address"))
        #expect(!lines.text.contains("203.0.113.9") && !lines.text.contains("nobody"))
    }

    @Test func `is believed of our proxies only`() async throws {
        #expect(try await client([.forwarded: "for=203.0.113.9"], from: "198.51.100.7") == "198.51.100.7")
        #expect(try await client([.forwarded: "for=203.0.113.9"], proxies: []) == "10.1.2.3")
    }

    @Test func `beside X-Forwarded-For has to name the same client`() async throws {
        let lines = SpokenLog()
        let same: HTTPFields = [.forwarded: "for=203.0.113.9", .forwardedFor: "1.1.1.1, 203.0.113.9"]
        #expect(try await client(same) == "203.0.113.9")
        // A proxy that writes X-Forwarded-For hands on a Forwarded that its client made up.
        let made: HTTPFields = [.forwarded: "for=192.0.2.1", .forwardedFor: "203.0.113.9"]
        #expect(try await client(made, lines: lines) == "10.1.2.3")
        #expect(lines.text.contains("two clients"))
        #expect(try await client([.forwarded: "for=?", .forwardedFor: "203.0.113.9"]) == "10.1.2.3")
    }
}

@Suite(.timeLimit(.minutes(5))) struct `A request that goes on to another process` {
    private func sent(_ headers: HTTPFields, from client: String?, isSecure: Bool = false) async throws -> HTTPFields {
        let spy = Spy("queries")
        let upstream = ForwardingUpstream(spy, isSecure: isSecure) { "signed" }
        let head = HTTPRequest(method: .get, scheme: "http", authority: "annals.example:8080", path: "/", headerFields: headers)
        var context = CallContext(logger: .silent, requestID: "", traceparent: "")
        context.clientAddress = client
        _ = try await upstream.send(Request(head: head, body: RequestBody(buffer: .init())), context: context)
        return try #require(spy.requests.first)
    }

    @Test func `says for whom it is and how the client called`() async throws {
        let fields = try await sent([:], from: "203.0.113.9")
        #expect(fields[.forwardedFor] == "203.0.113.9" && fields[.forwardedProto] == "http" && fields[.forwardedHost] == "annals.example:8080")
        #expect(fields[.forwarded] == #"for=203.0.113.9;proto=http;host="annals.example:8080""#)
        #expect(fields[.client] == "203.0.113.9" && fields[.gatewayToken] == "signed")
        #expect(try await sent([:], from: "2001:db8::1", isSecure: true)[.forwarded]?.hasPrefix(#"for="[2001:db8::1]";proto=https;"#) == true)
        #expect(try await sent([:], from: nil)[.forwarded]?.hasPrefix("for=unknown;") == true)
    }

    @Test func `keeps what a proxy said of the scheme and the host, the nearest one's word, and nothing that is none`() async throws {
        let fields = try await sent([.forwardedProto: "http, https", .forwardedHost: "example.org", .forwardedFor: "1.1.1.1"], from: "203.0.113.9")
        #expect(fields[.forwardedProto] == "https" && fields[.forwardedHost] == "example.org" && fields[.forwardedFor] == "203.0.113.9")
        let other = try await sent([.forwarded: #"for=1.1.1.1;proto=gopher, for=2.2.2.2;proto=HTTPS;host="b.example""#], from: "203.0.113.9")
        #expect(other[.forwarded] == #"for=203.0.113.9;proto=https;host="b.example""#)
        let bad = try await sent([.forwardedProto: "x", .forwardedHost: #"a"b"#], from: "203.0.113.9")
        #expect(bad[.forwardedProto] == "http" && bad[.forwardedHost] == "annals.example:8080")
    }

    @Test func `carries no forwarding header that was not believed`() async throws {
        let said: HTTPFields = [
            .forwarded: "for=1.1.1.1", .forwardedFor: "1.1.1.1", .forwardedProto: "https", .forwardedHost: "x", .client: "1.1.1.1",
        ]
        for (proxies, isKept) in [([], false), (["10.0.0.0/8"], true)] {
            let gateway = SpiedGateway(settings: GatewaySettings(proxies: proxies.compactMap { AddressBlock($0) }))
            var context = CallContext(logger: .silent, requestID: "", traceparent: "")
            context.clientAddress = "10.1.2.3"
            _ = try await gateway.answer(.get, "/api/v1/posts", said, context: context)
            let fields = try #require(gateway.queries.requests.first)
            for name in [HTTPField.Name.forwarded, .forwardedFor, .forwardedProto, .forwardedHost] {
                #expect((fields[name] != nil) == isKept, "\(name)")
            }
            #expect(fields[.client] == nil)
        }
    }
}
