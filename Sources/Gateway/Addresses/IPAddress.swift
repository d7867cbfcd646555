import Glibc

/// An IP address as 128 bits: of version 4 as IPv6 maps it (RFC 4291 §2.5.5.2), so that both spellings of one address are one.
package struct IPAddress: Hashable, Sendable {
    let high: UInt64
    let low: UInt64

    init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Reads an address without a port; a zone (`%eth0`) is left out. Nil when it is none.
    package init?(_ text: some StringProtocol) {
        let text = String(text.prefix { $0 != "%" })
        // C's reader would stop at a NUL and take what stands before it.
        guard !text.utf8.contains(0) else { return nil }
        var four = in_addr()
        if inet_pton(AF_INET, text, &four) == 1 {
            self.init(high: 0, low: 0xFFFF << 32 | UInt64(UInt32(bigEndian: four.s_addr)))
            return
        }
        var six = in6_addr()
        guard inet_pton(AF_INET6, text, &six) == 1 else { return nil }
        self = withUnsafeBytes(of: six) { bytes in
            IPAddress(
                high: UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
                low: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
        }
    }

    var isVersion4: Bool { high == 0 && low >> 32 == 0xFFFF }

    /// The network that one customer of a provider gets: of version 6 the first 64 bits, since whoever has one address there has them all. Of version 4 the address.
    var customer: IPAddress { isVersion4 ? self : IPAddress(high: high, low: 0) }
}
