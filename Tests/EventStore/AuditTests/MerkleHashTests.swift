import Audit
import Testing

/// The first values that RFC 6962's reference implementation tests itself with.
@Suite struct `A Merkle tree's hashes` {
    @Test func `of nothing is SHA-256 of nothing`() {
        #expect(MerkleHash.ofNothing.description == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    }

    @Test func `of an empty entry is not the hash of nothing`() {
        #expect(MerkleHash.leaf([]).description == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d")
    }

    @Test func `of an entry is the same from its bytes and from its value`() {
        let entry = MerkleHash.sha256([1, 2, 3])
        #expect(MerkleHash.leaf(entry) == MerkleHash.leaf(entry.bytes))
        #expect(MerkleHash(entry.bytes) == entry)
        #expect(MerkleHash(entry.bytes.dropLast()) == nil)
    }
}
