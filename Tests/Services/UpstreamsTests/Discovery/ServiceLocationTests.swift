import Testing

@testable import Upstreams

@Suite struct `Where a service is` {
    @Test(arguments: [
        ("127.0.0.1:3001", ServiceLocation.fixed([Instance(host: "127.0.0.1", port: 3001)])),
        ("a.example:1, b.example:65535", .fixed([Instance(host: "a.example", port: 1), Instance(host: "b.example", port: 65_535)])),
        ("[::1]:3001,[2001:db8::1]:80", .fixed([Instance(host: "::1", port: 3001), Instance(host: "2001:db8::1", port: 80)])),
        ("localhost:3001", .fixed([Instance(host: "localhost", port: 3001)])),
        ("dns:auth.example:3001", .dns(name: "auth.example", port: 3001)),
        ("dns:auth_1.default.svc.cluster.local.:80", .dns(name: "auth_1.default.svc.cluster.local.", port: 80)),
        ("srv:_http._tcp.auth.example", .srv(name: "_http._tcp.auth.example")),
        ("redis", .redis),
    ])
    func `is said in one of four forms`(row: (String, ServiceLocation)) throws {
        #expect(try ServiceLocation(row.0, of: "ANNALS_AUTH_AT") == row.1)
    }

    @Test(arguments: [
        "", " ", ",", "host", "host:", ":3001", "host:0", "host:65536", "host:+1", "host:3001,", "host:1,,host:2", "host:1,host:1", "::1:3001",
        "[::1]",
        "[::1]3001", "[]:1", "[127.0.0.1]:80", "[::g]:1", "http://host:3001", "host:1/path", "ho st:1", "dns:", "dns:name", "dns:[::1]:1",
        "dns:a..b:1",
        "srv:", "srv:a b", "srv:name:3001/", "Redis", "redis:", "\u{e9}.example:1",
    ])
    func `in another form is refused by the setting's name`(text: String) {
        #expect(throws: MalformedLocation(setting: "ANNALS_AUTH_AT", text: text)) { try ServiceLocation(text, of: "ANNALS_AUTH_AT") }
        #expect("\(MalformedLocation(setting: "ANNALS_AUTH_AT", text: text))".hasPrefix("ANNALS_AUTH_AT: \(text) is none of"))
    }

    @Test(arguments: ["127.0.0.1:3001", "[::1]:80", "a.example:65535"])
    func `reads an instance as one is written`(text: String) throws {
        guard case .fixed(let instances) = try ServiceLocation(text, of: "ANNALS_AUTH_AT") else { Issue.record("not fixed"); return }
        #expect(instances.map { "\($0)" } == [text])
    }
}
