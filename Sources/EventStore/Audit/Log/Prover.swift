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

    /// Reads the tiles that proofs for these leaves need, so that `loadedInclusion` can make them.
    mutating func load(leaves: [Int64]) async throws {
        try await read(leaves.flatMap { InclusionProof.ranges(leaf: $0, size: size) })
    }

    /// A proof for a leaf that was loaded last.
    func loadedInclusion(of index: Int64) throws -> InclusionProof {
        InclusionProof(try InclusionProof.ranges(leaf: index, size: size).map(hash))
    }

    private mutating func hashes(_ ranges: [SubtreeRange]) async throws -> [MerkleHash] {
        try await read(ranges)
        return try ranges.map(hash)
    }

    private mutating func read(_ ranges: [SubtreeRange]) async throws {
        let missing = tiles.missing(for: ranges, size: size)
        if missing.isEmpty { return }
        tiles.makeRoom(for: missing.count)
        // Making room may have dropped some that are needed.
        for (tile, hashes) in try await log.hashes(of: tiles.missing(for: ranges, size: size)) { tiles.insert(hashes, for: tile) }
    }

    private func hash(_ range: SubtreeRange) throws -> MerkleHash {
        guard let hash = tiles.hash(range) else {
            throw MerkleLog.Damaged(description: "the tiles over leaves \(range.leaves.lowerBound) to \(range.leaves.upperBound - 1) are incomplete")
        }
        return hash
    }
}
