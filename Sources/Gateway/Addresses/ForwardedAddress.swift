import HTTPContract
import HTTPTypes
import Hummingbird

/// `X-Forwarded-For`, believed as far as our own proxies wrote it.
enum ForwardedAddress {
    private static let header = HTTPField.Name("X-Forwarded-For")
    /// More proxies than this in a row are none of ours.
    private static let mostHops = 16

    /// Whose request it is when one of our proxies sent it. Read from the right, where the nearest proxy wrote: the first address that is no proxy of ours is the client's;
    /// what stands before it, anyone may have invented. Nil when the peer is no proxy of ours, or the header says nothing that can be read.
    static func client(of request: Request, from peer: String?, proxies: [AddressBlock]) -> String? {
        func isOurs(_ address: IPAddress) -> Bool { proxies.contains { $0.contains(address) } }
        guard !proxies.isEmpty, let peer, let address = IPAddress(peer), isOurs(address), let header, let list = request.headers[header] else {
            return nil
        }
        var client: Substring?
        for entry in list.split(separator: ",", omittingEmptySubsequences: false).suffix(mostHops).reversed() {
            let text = entry.drop { $0 == " " || $0 == "\t" }.prefix { $0 != " " && $0 != "\t" }
            guard let address = IPAddress(text) else { break }
            client = text
            if !isOurs(address) { break }
        }
        return client.map(String.init)
    }
}
