import Crypto
import FoundationEssentials

/// A SHA-256 value of 32 bytes, and the two ways in which RFC 6962, section 2.1, makes one. Their prefixes keep a leaf from ever being taken for a
/// node.
package struct MerkleHash: Sendable, Hashable {
    package static let byteCount = 32

    private var words: (UInt64, UInt64, UInt64, UInt64)

    private init(_ words: (UInt64, UInt64, UInt64, UInt64)) { self.words = words }

    private init(_ digest: SHA256.Digest) {
        words = digest.withUnsafeBytes { $0.loadUnaligned(as: (UInt64, UInt64, UInt64, UInt64).self) }
    }

    /// Takes 32 bytes; nil for any other number of them.
    package init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count == Self.byteCount else { return nil }
        words = Array(bytes).withUnsafeBytes { $0.loadUnaligned(as: (UInt64, UInt64, UInt64, UInt64).self) }
    }

    /// Takes the 32 bytes that begin at `offset`. Traps when there are fewer.
    init(_ bytes: UnsafeRawBufferPointer, at offset: Int) {
        words = bytes.loadUnaligned(fromByteOffset: offset, as: (UInt64, UInt64, UInt64, UInt64).self)
    }

    /// The hash of a tree without leaves.
    package static let ofNothing = MerkleHash(SHA256.hash(data: [UInt8]()))

    /// SHA-256 of these bytes.
    package static func sha256(_ bytes: [UInt8]) -> MerkleHash {
        bytes.withUnsafeBytes { buffer in
            var hash = SHA256()
            hash.update(bufferPointer: buffer)
            return MerkleHash(hash.finalize())
        }
    }

    /// The hash of a leaf: SHA-256(0x00 ‖ entry).
    package static func leaf(_ entry: some Sequence<UInt8>) -> MerkleHash { sha256([0x00] + entry) }

    /// The hash of a leaf whose entry is itself a hash.
    package static func leaf(_ entry: MerkleHash) -> MerkleHash {
        withUnsafeTemporaryAllocation(byteCount: 33, alignment: 8) { buffer in
            buffer[0] = 0x00
            buffer.storeBytes(of: entry.words, toByteOffset: 1, as: (UInt64, UInt64, UInt64, UInt64).self)
            return hash(UnsafeRawBufferPointer(buffer))
        }
    }

    /// The hash of a node over its two children: SHA-256(0x01 ‖ left ‖ right).
    package static func node(_ left: MerkleHash, _ right: MerkleHash) -> MerkleHash {
        withUnsafeTemporaryAllocation(byteCount: 65, alignment: 8) { buffer in
            buffer[0] = 0x01
            buffer.storeBytes(of: left.words, toByteOffset: 1, as: (UInt64, UInt64, UInt64, UInt64).self)
            buffer.storeBytes(of: right.words, toByteOffset: 33, as: (UInt64, UInt64, UInt64, UInt64).self)
            return hash(UnsafeRawBufferPointer(buffer))
        }
    }

    private static func hash(_ buffer: UnsafeRawBufferPointer) -> MerkleHash {
        var hash = SHA256()
        hash.update(bufferPointer: buffer)
        return MerkleHash(hash.finalize())
    }

    /// The 32 bytes.
    package var bytes: [UInt8] { withUnsafeBytes { Array($0) } }

    /// The 32 bytes, valid only inside `body`.
    package func withUnsafeBytes<Value>(_ body: (UnsafeRawBufferPointer) throws -> Value) rethrows -> Value {
        try Swift.withUnsafeBytes(of: words, body)
    }

    package static func == (left: MerkleHash, right: MerkleHash) -> Bool { left.words == right.words }

    package func hash(into hasher: inout Hasher) { hasher.combine(words.0) }
}

extension MerkleHash: CustomStringConvertible {
    /// 64 hexadecimal digits.
    package var description: String { bytes.hexadecimal }
}

extension MerkleHash {
    /// The 32 bytes in base64.
    package var base64: String { Data(bytes).base64EncodedString() }
}
