package import HTTPContract
import HTTPTypes
import Hummingbird
import Logging
import Synchronization

/// `X-Forwarded-For`, believed as far as our own proxies wrote it.
final class ForwardedAddresses: Sendable {
    private static let header = HTTPField.Name("X-Forwarded-For")
    /// More proxies than this in a row are none of ours.
    private static let mostHops = 16

    private let proxies: [AddressBlock]
    private let logger: Logger
    private let hasWarnedOfPeer = Atomic(false)
    private let hasWarnedOfText = Atomic(false)

    init(proxies: [AddressBlock], logger: Logger) {
        self.proxies = proxies
        self.logger = logger
    }

    /// The address that a request comes from when one of our proxies sent it. Read from the right, where the nearest proxy wrote: the first address
    /// that is no proxy of ours is the client's; anyone may have invented what stands before it. Nil when the peer is no proxy of ours, or the header
    /// says nothing that can be read.
    func client(of request: Request, from peer: String?) -> NetworkAddress? {
        guard let header = Self.header, let list = request.header(header) else { return nil }
        guard let address = peer.flatMap({ NetworkAddress($0) }), isOurs(address) else {
            warn(
                "X-Forwarded-For came from a peer that is no trusted proxy, and is not believed: is ANNALS_TRUSTED_PROXIES complete?", hasWarnedOfPeer
            )
            return nil
        }
        var client: NetworkAddress?
        for entry in list.split(at: ",").suffix(Self.mostHops).reversed() {
            guard let address = NetworkAddress(forwarded: entry.trimmingBlanks) else {
                warn("X-Forwarded-For of a trusted proxy holds something that is no address, and is believed up to there only", hasWarnedOfText)
                break
            }
            client = address
            if !isOurs(address) { break }
        }
        return client
    }

    private func isOurs(_ address: NetworkAddress) -> Bool { proxies.contains { $0.contains(address) } }

    /// Warns once: anyone can send the header. A wrong setting gives all who come by a proxy one address, whose limits and wrong passwords they
    /// share.
    private func warn(_ message: Logger.Message, _ hasWarned: borrowing Atomic<Bool>) {
        guard !hasWarned.exchange(true, ordering: .relaxed) else { return }
        logger.warning(message)
    }
}

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
