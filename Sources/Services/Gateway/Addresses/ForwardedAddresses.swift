import HTTPContract
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
