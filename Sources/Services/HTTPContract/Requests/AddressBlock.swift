/// A block of IP addresses, such as `10.0.0.0/8`, `2001:db8::/32` or a single address.
package struct AddressBlock: Hashable, Sendable, CustomStringConvertible {
    private let network: NetworkAddress
    /// Of the 128 bits.
    private let length: Int

    /// Nil when it is no address, or the length after `/` is none of its version.
    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, let address = NetworkAddress(first) else { return nil }
        let offset = first.contains(":") ? 0 : 96
        guard parts.count == 2 else {
            self.init(address, 128)
            return
        }
        guard let bits = Int(parts[1]), 0...(128 - offset) ~= bits, parts[1].allSatisfy(\.isNumber) else { return nil }
        self.init(address, offset + bits)
    }

    private init(_ address: NetworkAddress, _ length: Int) {
        self.length = length
        network = Self.masked(address, length)
    }

    package var description: String { length == 128 ? "\(network)" : "\(network)/\(network.isVersion4 ? length - 96 : length)" }

    package func contains(_ address: NetworkAddress) -> Bool { Self.masked(address, length) == network }

    private static func masked(_ address: NetworkAddress, _ length: Int) -> NetworkAddress {
        // A shift by the whole width, or more, gives zero in Swift.
        NetworkAddress(high: address.high & ~(.max >> min(length, 64)), low: address.low & ~(.max >> max(length - 64, 0)))
    }
}
