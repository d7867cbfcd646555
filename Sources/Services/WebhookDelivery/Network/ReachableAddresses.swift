package import HTTPContract
package import Publishing

/// Which addresses webhooks may be delivered to: public ones, and those that the operator allows. A webhook must not be a way into the network that
/// Annals runs in.
package struct ReachableAddresses: Sendable {
    private let allowed: [AddressBlock]

    /// - Parameter allowed: blocks that are not public and may be delivered to all the same.
    package init(allowing allowed: [AddressBlock] = []) { self.allowed = allowed }

    /// Whether plain HTTP may be spoken at all: only within blocks that are allowed by name.
    package var includesPrivate: Bool { !allowed.isEmpty }

    /// - Parameter isPlain: without TLS, which leaves no network that the operator has not named.
    package func contains(_ address: NetworkAddress, isPlain: Bool) -> Bool {
        let address = address.translated
        if allowed.contains(where: { $0.contains(address) }) { return true }
        return !isPlain && address.isPublic
    }

    /// The objection to this URL before its host is looked up; nil for nothing. The address that it leads to is checked at each delivery.
    package func objection(to url: WebhookURL) -> String? {
        if url.scheme == "http", allowed.isEmpty { return "must begin with https://" }
        if let address = NetworkAddress(url.host) {
            return contains(address, isPlain: url.scheme == "http") ? nil : "has an address that may not be delivered to"
        }
        let name = url.host.last == "." ? url.host.dropLast() : url.host[...]
        // Others read 127.1 and 0x7f000001 as addresses.
        if let last = name.split(separator: ".").last, last.allSatisfy(\.isNumber) || last.hasPrefix("0x") {
            return "must have a name, or an address in its usual form"
        }
        if allowed.isEmpty, name == "localhost" || name.hasSuffix(".localhost") { return "has an address that may not be delivered to" }
        return nil
    }
}

extension NetworkAddress {
    /// The address that a translator between IPv6 and IPv4 makes of it (RFC 6052 §2.1); else itself.
    fileprivate var translated: NetworkAddress {
        high == 0x0064_FF9B_0000_0000 && low >> 32 == 0 ? NetworkAddress(high: 0, low: 0xFFFF_0000_0000 | low) : self
    }

    /// Whether it is an address of the public Internet, by IANA's registries of special-purpose addresses (RFC 6890).
    fileprivate var isPublic: Bool {
        if isVersion4 { return !Self.special4.contains { $0.contains(self) } }
        return high >> 61 == 1 && !Self.special6.contains { $0.contains(self) }
    }

    private static let special4 = [
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
        "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
    ].compactMap { AddressBlock($0) }

    /// Within 2000::/3. Among them are Teredo and 6to4, which hide an address of version 4.
    private static let special6 = ["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"].compactMap { AddressBlock($0) }
}
