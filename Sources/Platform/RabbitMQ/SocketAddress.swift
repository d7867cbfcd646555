import Glibc

/// Finds the addresses of a host, in the order in which they are to be tried. It may block.
package typealias AddressLookUp = @Sendable (_ host: String, _ port: Int) throws(RabbitMQError) -> [SocketAddress]

/// An address that a socket can be connected to.
package struct SocketAddress: Sendable {
    let family: Int32
    private let bytes: [UInt8]

    /// Looks a host's name up, in the order in which its addresses are to be tried. It blocks, and has no way to be ended.
    @Sendable package static func all(_ host: String, _ port: Int) throws(RabbitMQError) -> [SocketAddress] {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(host, String(port), &hints, &found)
        guard status == 0 else { throw .unavailable(String(cString: gai_strerror(status))) }
        defer { freeaddrinfo(found) }
        var addresses: [SocketAddress] = []
        var next = found
        while let entry = next?.pointee {
            let bytes = UnsafeRawBufferPointer(start: entry.ai_addr, count: Int(entry.ai_addrlen))
            addresses.append(SocketAddress(family: entry.ai_family, bytes: Array(bytes)))
            next = entry.ai_next
        }
        return addresses
    }

    func withPointer<R>(_ body: (UnsafePointer<sockaddr>?, socklen_t) -> R) -> R {
        bytes.withUnsafeBytes { body($0.baseAddress?.assumingMemoryBound(to: sockaddr.self), socklen_t($0.count)) }
    }
}
