import EventSourcing
import HTTPContract
import Publishing
import Testing
import WebhookDelivery

@Suite struct `An address that webhooks may be delivered to` {
    private let publicOnly = ReachableAddresses()

    @Test(arguments: ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "64:ff9b::8.8.8.8", "::ffff:8.8.8.8"])
    func `is public`(text: String) throws {
        #expect(publicOnly.contains(try #require(NetworkAddress(text)), isPlain: false))
        #expect(!publicOnly.contains(try #require(NetworkAddress(text)), isPlain: true))
    }

    @Test(arguments: [
        "127.0.0.1", "10.1.2.3", "172.31.255.255", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "255.255.255.255", "224.0.0.1",
        "::", "::1", "::ffff:127.0.0.1", "::ffff:7f00:1", "::127.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "fe80::1",
        "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "2002:7f00:1::", "2001::1", "2001:db8::1", "100::1",
    ])
    func `is none of these`(text: String) throws {
        #expect(!publicOnly.contains(try #require(NetworkAddress(text)), isPlain: false))
    }

    @Test func `may be private where the operator has said so, in each of its forms`() throws {
        let allowing = ReachableAddresses(allowing: [try #require(AddressBlock("10.0.0.0/8"))])
        for text in ["10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::10.1.2.3"] {
            #expect(allowing.contains(try #require(NetworkAddress(text)), isPlain: true))
        }
        #expect(!allowing.contains(try #require(NetworkAddress("192.168.0.1")), isPlain: true))
    }

    /// The system's own reader takes all of these for an address of this machine.
    @Test(arguments: ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "localhost", "127.0.0.1", "::1", "::ffff:127.0.0.1"])
    func `is found in any spelling of a host`(host: String) async throws {
        let found = (try? await SystemResolver.addresses(of: host)) ?? []
        #expect(found.allSatisfy { !publicOnly.contains($0, isPlain: false) })
    }
}

@Suite struct `A webhook's URL` {
    @Test func `is taken apart, and written with its host in one spelling`() throws {
        let url = try WebhookURL("HTTPS://Hooks.Example.org/a?b=c")
        #expect((url.scheme, url.host, url.port) == ("https", "hooks.example.org", 443))
        #expect(url.normalized == "https://hooks.example.org:443/a?b=c")
        #expect(try WebhookURL("http://[::1]:8080").normalized == "http://[::1]:8080/")
        #expect(try WebhookURL("https://a.example?x").normalized == "https://a.example:443/?x")
    }

    @Test(arguments: [
        "", "ftp://a.example", "https://", "https:///x", "https://user@a.example", "https://user:secret@a.example/", "https://a.example:0/",
        "https://a.example:70000/", "https://a.example/#x", "https://a.example\\@b.example/", "https://a b.example/", "https://[::1/", "a.example",
        "https://é.example/", "//a.example/", "https://a.example:80:90/",
    ])
    func `is refused in any other form`(text: String) {
        #expect(throws: TextViolation.self) { try WebhookURL(text) }
    }

    @Test(arguments: [
        "http://a.example/", "https://127.0.0.1/", "https://[::1]/", "https://[::ffff:169.254.169.254]/", "https://2130706433/", "https://0x7f.1/",
        "https://127.1/", "https://0177.0.0.1/", "https://localhost/", "https://x.localhost./", "https://[64:ff9b::7f00:1]/",
    ])
    func `may not lead into private networks`(text: String) throws {
        #expect(ReachableAddresses().objection(to: try WebhookURL(text)) != nil)
    }

    @Test func `may where the operator allows it`() throws {
        let allowing = ReachableAddresses(allowing: [try #require(AddressBlock("127.0.0.0/8"))])
        #expect(allowing.objection(to: try WebhookURL("http://127.0.0.1:9/")) == nil)
        #expect(allowing.objection(to: try WebhookURL("http://localhost/")) == nil)
        #expect(allowing.objection(to: try WebhookURL("https://10.0.0.1/")) != nil)
    }
}
