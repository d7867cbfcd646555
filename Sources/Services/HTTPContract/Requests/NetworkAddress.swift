import Glibc

/// An IP address as 128 bits: of version 4 as IPv6 maps it (RFC 4291 §2.5.5.2), so that both spellings of one address are one.
package struct NetworkAddress: Hashable, Sendable, CustomStringConvertible {
    package let high: UInt64
    package let low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Reads an address without a port; a zone (`%eth0`) is left out. Nil when it is none.
    package init?(_ text: some StringProtocol) { self.init(WireText(text)) }

    /// Reads what stands in `X-Forwarded-For`: an address, with a port and brackets where a proxy adds them. Nil when it is none.
    package init?(forwarded text: WireText) {
        if text.first == UInt8(ascii: "[") {
            guard let (address, port) = text.dropFirst().cut(at: "]"), port.isEmpty || port.first == UInt8(ascii: ":") else { return nil }
            self.init(address)
        } else if let (address, port) = text.cut(at: ":"), !port.contains(":") {
            self.init(address)
        } else {
            self.init(text)
        }
    }

    private init?(_ wire: WireText) {
        let text = (wire.cut(at: "%")?.0 ?? wire).string
        // C's reader would stop at a NUL and take what stands before it.
        guard text.utf8.count <= 64, !text.utf8.contains(0) else { return nil }
        var bytes = [UInt8](repeating: 0, count: 16)
        if inet_pton(AF_INET, text, &bytes) == 1 {
            bytes = [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF] + bytes[..<4]
        } else {
            guard inet_pton(AF_INET6, text, &bytes) == 1 else { return nil }
        }
        func half(_ bytes: ArraySlice<UInt8>) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }
        self.init(high: half(bytes[..<8]), low: half(bytes[8...]))
    }

    /// As it is written: dotted for version 4, by RFC 5952 for version 6.
    package var description: String {
        if isVersion4 { return [24, 16, 8, 0].map { String(low >> $0 & 0xFF) }.joined(separator: ".") }
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        let bytes = [high.bigEndian, low.bigEndian]
        inet_ntop(AF_INET6, bytes, &text, socklen_t(text.count))
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// The part that one party holds: of version 6 the first 64 bits, since a party that has one address there has them all; of version 4 the
    /// address.
    package var network: NetworkAddress { isVersion4 ? self : NetworkAddress(high: high, low: 0) }

    package var isVersion4: Bool { high == 0 && low >> 32 == 0xFFFF }
}
