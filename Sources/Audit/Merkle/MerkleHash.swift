package import Crypto

/// The two hashes of RFC 6962, section 2.1. Their prefixes keep a leaf from ever being taken for a node.
package enum MerkleHash {
    /// The hash of a tree without leaves.
    package static let ofNothing = SHA256.hash(data: [UInt8]())

    /// The hash of a leaf: SHA-256(0x00 ‖ entry).
    package static func leaf(_ entry: some Sequence<UInt8>) -> SHA256.Digest {
        var hash = SHA256()
        hash.update(data: [0x00])
        hash.update(data: Array(entry))
        return hash.finalize()
    }

    /// The hash of a node over its two children: SHA-256(0x01 ‖ left ‖ right).
    package static func node(_ left: SHA256.Digest, _ right: SHA256.Digest) -> SHA256.Digest {
        var hash = SHA256()
        hash.update(data: [0x01])
        left.withUnsafeBytes { hash.update(bufferPointer: $0) }
        right.withUnsafeBytes { hash.update(bufferPointer: $0) }
        return hash.finalize()
    }
}
