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
    private let hasWarned = Atomic(false)

    init(proxies: [AddressBlock], logger: Logger) {
        self.proxies = proxies
        self.logger = logger
    }

    /// Whose request it is when one of our proxies sent it. Read from the right, where the nearest proxy wrote: the first address that is no proxy of ours is the client's;
    /// what stands before it, anyone may have invented. Nil when the peer is no proxy of ours, or the header says nothing that can be read.
    func client(of request: Request, from peer: String?) -> NetworkAddress? {
        guard let header = Self.header, let list = request.headers[header] else { return nil }
        guard let address = peer.flatMap({ NetworkAddress($0) }), isOurs(address) else {
            warnOfStrangeProxy()
            return nil
        }
        var client: NetworkAddress?
        for entry in list.split(separator: ",", omittingEmptySubsequences: false).suffix(Self.mostHops).reversed() {
            let text = entry.drop { $0 == " " || $0 == "\t" }.prefix { $0 != " " && $0 != "\t" }
            guard let address = NetworkAddress(text) else { break }
            client = address
            if !isOurs(address) { break }
        }
        return client
    }

    private func isOurs(_ address: NetworkAddress) -> Bool { proxies.contains { $0.contains(address) } }

    /// Once: anyone can send the header. A forgotten setting makes one address of all who come by a proxy, who then share its limits and its wrong passwords.
    private func warnOfStrangeProxy() {
        guard !hasWarned.exchange(true, ordering: .relaxed) else { return }
        logger.warning("X-Forwarded-For came from a peer that is no trusted proxy, and is not believed: is ANNALS_TRUSTED_PROXIES complete?")
    }
}
