import HTTPContract
import Testing

@Suite struct `A network address` {
    @Test(arguments: [
        ("192.0.2.1", "192.0.2.1"), ("::ffff:192.0.2.1", "192.0.2.1"), ("2001:db8:1:2::1", "2001:db8:1:2::1"), ("2001:0DB8::1%eth0", "2001:db8::1"),
        ("::", "::"), ("0.0.0.0", "0.0.0.0"), ("::1", "::1"),
    ])
    func `is written in one way, however it was given`(text: String, written: String) throws {
        let address = try #require(NetworkAddress(text))
        #expect("\(address)" == written)
        #expect(NetworkAddress(written) == address)
    }

    @Test(arguments: [
        ("192.0.2.1", "192.0.2.1"), ("::ffff:192.0.2.1", "192.0.2.1"), ("2001:db8:1:2::1", "2001:db8:1:2::"),
        ("2001:db8:1:2:ffff::9", "2001:db8:1:2::"), ("2001:db8:1:3::1%x", "2001:db8:1:3::"),
    ])
    func `is of the network that a household has`(text: String, network: String) {
        #expect(NetworkAddress(text).map { "\($0.network)" } == network)
    }
}
