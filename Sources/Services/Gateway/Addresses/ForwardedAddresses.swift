import HTTPContract
import HTTPTypes
import Hummingbird
import Logging

/// `Forwarded` (RFC 7239) and `X-Forwarded-For`, believed as far as our own proxies wrote them.
final class ForwardedAddresses: Sendable {
    /// More proxies than this in a row are none of ours.
    private static let mostHops = 16

    private let proxies: [AddressBlock]
    private let fromStranger, isUnreadable, isContradiction: SparseWarning

    init(proxies: [AddressBlock], logger: Logger) {
        self.proxies = proxies
        fromStranger = SparseWarning(
            "X-Forwarded-For came from a peer that is no trusted proxy, and is not believed: is ANNALS_TRUSTED_PROXIES complete?", logger)
        isUnreadable = SparseWarning("a trusted proxy forwards for something that is no address: its own address counts", logger)
        isContradiction = SparseWarning("a trusted proxy names two clients, in Forwarded and X-Forwarded-For: its own address counts", logger)
    }

    /// Whether a request without either header may come from one of our proxies.
    var mayNameClients: Bool { !proxies.isEmpty }

    /// The client that a request comes from when one of our proxies sent it; nil leaves it to the peer, of whom nothing is believed then.
    ///
    /// Both headers are read from the right, where the nearest proxy wrote: the first address that is no proxy of ours is the client's; anyone may
    /// have invented what stands before it. A proxy that hides its client stands for it. Two headers have to agree: a proxy that writes one of them
    /// may hand on the other as a client made it.
    func client(of request: Request, from peer: String?) -> NetworkAddress? {
        let chains = [
            request.header(.forwarded).map { ForwardedElement.list(forwarded: $0)?.map(\.node) },
            request.header(.forwardedFor).map { Optional($0.split(at: ",").map { ForwardedElement.Node($0.trimmingBlanks) }) },
        ].compactMap { $0 }
        guard !chains.isEmpty || !proxies.isEmpty else { return nil }
        guard let proxy = peer.flatMap({ NetworkAddress($0) }), isOurs(proxy) else {
            if !chains.isEmpty { fromStranger.note() }
            return nil
        }
        let clients = Set(chains.map { $0.flatMap { client(in: $0, of: proxy) } })
        switch (clients.count, clients.first ?? proxy) {
        case (0...1, let client?): return client
        case (2..., _) where !clients.contains(nil): isContradiction.note()
        case (_, _): isUnreadable.note()
        }
        return nil
    }

    /// The client at the other end of a chain of proxies; nil when it can't be read.
    private func client(in chain: [ForwardedElement.Node], of proxy: NetworkAddress) -> NetworkAddress? {
        var client = proxy
        for node in chain.suffix(Self.mostHops).reversed() {
            switch node {
            case .hidden: return client
            case .unreadable: return nil
            case .address(let address):
                client = address
                if !isOurs(address) { return client }
            }
        }
        return client
    }

    private func isOurs(_ address: NetworkAddress) -> Bool { proxies.contains { $0.contains(address) } }
}
