import TestSupport
import Testing

@testable import Audit

@Suite struct `A growing tree` {
    @Test func `has the root of the definition at every size to 1,000`() {
        let (leaves, trees) = Self.grow(1000)
        // The definition costs a tree a size: every size to 300, then those around whole tiles and some between.
        let sizes = Set(Array(0...300) + [511, 512, 513, 767, 768, 769, 999, 1000] + stride(from: 300, to: 1000, by: 37))
        let naive = NaiveTree(leaves)
        for size in sizes { #expect(trees[size].root == naive.root(of: size), "size \(size)") }
    }

    @Test func `proves each inclusion at every size to 1,000, and no other`() {
        let forest = Forest(1000)
        var random = SeededRandom(seed: 6962)
        for size in 1...1000 {
            let leaves =
                size <= 64 ? Array(0..<size) : [0, 1, size / 2, size - 2, size - 1] + (0..<3).map { _ in Int.random(in: 0..<size, using: &random) }
            for leaf in leaves {
                let (index, count) = (Int64(leaf), Int64(size))
                guard let proof = forest.inclusion(of: index, in: count) else {
                    Issue.record("no proof of \(leaf) in \(size)")
                    continue
                }
                let root = forest.trees[size].root
                #expect(proof.proves(leaf: forest.leaves[leaf], at: index, size: count, root: root), "\(leaf) in \(size)")
                #expect(!proof.proves(leaf: forest.leaves[(leaf + 1) % 1000], at: index, size: count, root: root), "another leaf, \(leaf) in \(size)")
                #expect(!proof.proves(leaf: forest.leaves[leaf], at: index, size: count, root: forest.trees[size - 1].root), "another root")
                if let last = proof.hashes.last {
                    let longer = InclusionProof(proof.hashes + [last])
                    #expect(!longer.proves(leaf: forest.leaves[leaf], at: index, size: count, root: root), "a longer proof")
                    let shorter = InclusionProof(proof.hashes.dropLast())
                    #expect(!shorter.proves(leaf: forest.leaves[leaf], at: index, size: count, root: root), "a shorter proof")
                }
            }
        }
    }

    @Test func `proves that it goes on from each older size, to every size to 1,000, and from no other tree`() {
        let forest = Forest(1000)
        var random = SeededRandom(seed: 9162)
        for size in 1...1000 {
            let olds = size <= 64 ? Array(1...size) : [1, size / 2, size - 1, size] + (0..<4).map { _ in Int.random(in: 1...size, using: &random) }
            for old in olds {
                guard let proof = forest.consistency(from: Int64(old), to: Int64(size)) else {
                    Issue.record("no proof from \(old) to \(size)")
                    continue
                }
                let (oldRoot, root) = (forest.trees[old].root, forest.trees[size].root)
                #expect(proof.proves(from: Int64(old), oldRoot, to: Int64(size), root), "\(old) to \(size)")
                #expect(!proof.proves(from: Int64(old), forest.trees[old - 1].root, to: Int64(size), root), "another old root, \(old) to \(size)")
                #expect(!proof.proves(from: Int64(old), oldRoot, to: Int64(size), forest.trees[size - 1].root), "another new root")
            }
        }
    }

    @Test func `proves random leaves and older sizes of large trees`() {
        let seed = UInt64.random(in: .min ... .max)
        var random = SeededRandom(seed: seed)
        var tree = GrowingTree()
        var tiles: [Tile: [UInt8]] = [:]
        var roots: [(size: Int64, root: MerkleHash)] = []
        let size = Int64.random(in: 66_000...90_000, using: &random)
        let chosen = Set((0..<40).map { _ in Int64.random(in: 1...size, using: &random) })
        for index in 0..<size {
            tree.append(entry: entry(Int(index)))
            if chosen.contains(tree.size) { roots.append((tree.size, tree.root)) }
        }
        for one in tree.takeChangedTiles() { tiles[one.tile] = one.hashes }
        let hashes = Self.hashes(of: tiles)
        for (old, root) in roots {
            let proof = ConsistencyProof(ConsistencyProof.ranges(from: old, to: size).compactMap(hashes.hash))
            #expect(proof.proves(from: old, root, to: size, tree.root), "seed \(seed), \(old) to \(size)")
            let inclusion = InclusionProof(InclusionProof.ranges(leaf: old - 1, size: size).compactMap(hashes.hash))
            #expect(inclusion.proves(leaf: .leaf(entry(Int(old - 1))), at: old - 1, size: size, root: tree.root), "seed \(seed), \(old) in \(size)")
        }
    }

    @Test func `goes on from its stored tiles as if it had never stopped`() throws {
        let seed = UInt64.random(in: .min ... .max)
        var random = SeededRandom(seed: seed)
        var whole = GrowingTree()
        var resumed = GrowingTree()
        var tiles: [Tile: [UInt8]] = [:]
        while whole.size < 70_000 {
            for _ in 0..<Int.random(in: 1...9000, using: &random) {
                let next = entry(Int(whole.size))
                whole.append(entry: next)
                resumed.append(entry: next)
            }
            for one in resumed.takeChangedTiles() { tiles[Tile(one.tile.level, index: one.tile.index)] = one.hashes }
            resumed = try #require(GrowingTree(size: resumed.size) { tiles[Tile($0.level, index: $0.index)] }, "seed \(seed)")
            #expect(resumed.root == whole.root, "seed \(seed), size \(whole.size)")
        }
        #expect(GrowingTree(size: resumed.size) { _ in nil } == nil)
    }

    private static func grow(_ count: Int) -> (leaves: [MerkleHash], trees: [GrowingTree]) {
        var trees = [GrowingTree()]
        for number in 0..<count {
            var tree = trees[number]
            tree.append(entry: entry(number))
            trees.append(tree)
        }
        return ((0..<count).map { .leaf(entry($0)) }, trees)
    }

    private static func hashes(of tiles: [Tile: [UInt8]]) -> TileHashes {
        var hashes = TileHashes()
        for (tile, bytes) in tiles { hashes.insert(bytes, for: tile) }
        return hashes
    }

    /// The same tree at each size up to one, with the tiles of each.
    private struct Forest {
        let leaves: [MerkleHash]
        let trees: [GrowingTree]
        private let tiles: TileHashes

        init(_ count: Int) {
            (leaves, trees) = grow(count)
            var whole = trees[count]
            tiles = `A growing tree`.hashes(of: whole.takeChangedTiles().reduce(into: [:]) { $0[$1.tile] = $1.hashes })
        }

        func inclusion(of leaf: Int64, in size: Int64) -> InclusionProof? {
            proof(InclusionProof.ranges(leaf: leaf, size: size)).map(InclusionProof.init)
        }

        func consistency(from old: Int64, to new: Int64) -> ConsistencyProof? {
            proof(ConsistencyProof.ranges(from: old, to: new)).map(ConsistencyProof.init)
        }

        /// Subtrees are the same in a larger tree.
        private func proof(_ ranges: [SubtreeRange]) -> [MerkleHash]? {
            let hashes = ranges.compactMap(tiles.hash)
            return hashes.count == ranges.count ? hashes : nil
        }
    }
}

private func entry(_ number: Int) -> MerkleHash { .sha256(Array("entry \(number)".utf8)) }
