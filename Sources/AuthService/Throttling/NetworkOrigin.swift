import Glibc

/// The part of a network address that one party can be taken to hold: an IPv4 address, or the /64 of an IPv6 one (a household gets that many at least).
enum NetworkOrigin {
    /// The same text for all addresses of one origin; what is no address stands for itself, cut to a length that no flood can blow up.
    static func text(_ address: String) -> String {
        var bytes = [UInt8](repeating: 0, count: 16)
        guard inet_pton(AF_INET6, address, &bytes) == 1 else { return String(address.prefix(45)) }
        let isMappedIPv4 = bytes[..<10].allSatisfy { $0 == 0 } && bytes[10] == 0xFF && bytes[11] == 0xFF
        if isMappedIPv4 { return bytes[12...].map { String($0) }.joined(separator: ".") }
        return bytes[..<8].map { String($0, radix: 16) }.joined(separator: ":") + "/64"
    }
}
