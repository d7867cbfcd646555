import Glibc
package import HTTPContract
import NIOPosix

/// Finds the addresses of a host's name, in the order in which they are to be tried. Reads addresses, too, in every form that the system takes for
/// one: `2130706433` and `0x7f.1` are `127.0.0.1`.
package typealias HostResolver = @Sendable (_ host: String) async throws -> [NetworkAddress]

package enum SystemResolver {
    /// Asks the system, on a thread that may block.
    @Sendable package static func addresses(of host: String) async throws -> [NetworkAddress] {
        try await NIOThreadPool.singleton.runIfActive { try look(up: host) }
    }

    private static func look(up host: String) throws -> [NetworkAddress] {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, nil, &hints, &list) == 0 else { throw DeliveryFailure.unknownHost }
        defer { freeaddrinfo(list) }
        var addresses: [NetworkAddress] = []
        var next = list
        while let entry = next?.pointee {
            if let address = NetworkAddress(entry) { addresses.append(address) }
            next = entry.ai_next
        }
        return addresses
    }
}

extension NetworkAddress {
    fileprivate init?(_ entry: addrinfo) {
        guard let place = entry.ai_addr else { return nil }
        switch entry.ai_family {
        case AF_INET:
            let address = UnsafeRawPointer(place).loadUnaligned(as: sockaddr_in.self)
            self.init(high: 0, low: 0xFFFF_0000_0000 | UInt64(UInt32(bigEndian: address.sin_addr.s_addr)))
        case AF_INET6:
            let address = UnsafeRawPointer(place).loadUnaligned(as: sockaddr_in6.self)
            self = withUnsafeBytes(of: address.sin6_addr) { bytes in
                NetworkAddress(
                    high: UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
                    low: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
            }
        default: return nil
        }
    }
}
