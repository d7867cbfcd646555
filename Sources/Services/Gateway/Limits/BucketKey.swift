import FoundationEssentials
import HTTPContract

/// The owner of a bucket.
struct BucketKey: Hashable, Sendable {
    enum Kind: UInt8, Sendable {
        case user
        case address
        /// Callers without an address, as on a unix socket, share one bucket.
        case unknown
    }

    let kind: Kind
    let high: UInt64
    let low: UInt64

    static let unknown = BucketKey(kind: .unknown, high: 0, low: 0)

    static func user(_ id: UUID) -> BucketKey {
        withUnsafeBytes(of: id.uuid) { bytes in
            BucketKey(kind: .user, high: bytes.loadUnaligned(as: UInt64.self), low: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        }
    }

    /// The bucket of everyone who shares the address's network.
    static func address(_ text: String?) -> BucketKey {
        guard let network = text.flatMap({ NetworkAddress($0) })?.network else { return .unknown }
        return BucketKey(kind: .address, high: network.high, low: network.low)
    }
}

extension BucketKey: CustomStringConvertible {
    /// As a key in Redis ends: `user:<id>`, `address:203.0.113.9`, `unknown`.
    var description: String {
        switch kind {
        case .user:
            var (high, low) = (high, low)
            return "user:" + (Self.hex(&high) + Self.hex(&low))
        case .address: return "address:\(NetworkAddress(high: high, low: low))"
        case .unknown: return "unknown"
        }
    }

    private static func hex(_ half: inout UInt64) -> String {
        withUnsafeBytes(of: &half) { bytes in bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() }
    }
}
