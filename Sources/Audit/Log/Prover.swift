/// Makes proofs for one size of the tree. It keeps the tiles it has read, so that proofs for one event after another cost little.
package struct Prover: Sendable {
    private let log: MerkleLog
    /// How many leaves the tree has that is proven against.
    package let size: Int64
    private var tiles = TileHashes()

    /// - Parameter size: of a published checkpoint.
    package init(_ log: MerkleLog, size: Int64) {
        self.log = log
        self.size = size
    }

    /// The tree's root, from its tiles.
    package mutating func root() async throws -> MerkleHash { try await hashes([SubtreeRange(0..<size)])[0] }

    /// The root of the tree when it had so many leaves.
    package mutating func root(at earlier: Int64) async throws -> MerkleHash { try await hashes([SubtreeRange(0..<earlier)])[0] }

    /// That the leaf at `index`, the event at position `index + 1`, is in the tree.
    package mutating func inclusion(of index: Int64) async throws -> InclusionProof {
        InclusionProof(try await hashes(InclusionProof.ranges(leaf: index, size: size)))
    }

    /// That the tree begins with all of the tree of an earlier size.
    package mutating func consistency(since earlier: Int64) async throws -> ConsistencyProof {
        ConsistencyProof(try await hashes(ConsistencyProof.ranges(from: earlier, to: size)))
    }

    private mutating func hashes(_ ranges: [SubtreeRange]) async throws -> [MerkleHash] {
        let missing = tiles.missing(for: ranges, size: size)
        if !missing.isEmpty { tiles.makeRoom(for: missing.count) }
        let found = try await log.hashes(of: tiles.missing(for: ranges, size: size))
        for (tile, hashes) in found { tiles.insert(hashes, for: tile) }
        return try ranges.map { range in
            guard let hash = tiles.hash(range) else {
                throw MerkleLog.Damaged(
                    description: "the tiles over leaves \(range.leaves.lowerBound) to \(range.leaves.upperBound - 1) are incomplete")
            }
            return hash
        }
    }
}
