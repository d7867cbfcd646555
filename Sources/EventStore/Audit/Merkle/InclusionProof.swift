/// A proof that a leaf is in a tree (RFC 6962 §2.1.1): the hashes beside the way from the leaf up to the root.
package struct InclusionProof: Sendable, Equatable {
    package let hashes: [MerkleHash]

    package init(_ hashes: [MerkleHash]) { self.hashes = hashes }

    /// The subtrees whose hashes make the proof, lowest first: PATH(leaf, D[size]).
    package static func ranges(leaf: Int64, size: Int64) -> [SubtreeRange] {
        precondition(leaf >= 0 && leaf < size, "leaf \(leaf) of \(size)")
        var ranges: [SubtreeRange] = []
        var tree = 0..<size
        while tree.upperBound - tree.lowerBound > 1 {
            let middle = tree.lowerBound + (tree.upperBound - tree.lowerBound).splittingPoint
            if leaf < middle {
                ranges.append(SubtreeRange(middle..<tree.upperBound))
                tree = tree.lowerBound..<middle
            } else {
                ranges.append(SubtreeRange(tree.lowerBound..<middle))
                tree = middle..<tree.upperBound
            }
        }
        return ranges.reversed()
    }

    /// The root that follows from the proof (RFC 9162 §2.1.3.2); nil when a proof for this leaf of a tree of this size has another length.
    package func root(leaf hash: MerkleHash, at index: Int64, size: Int64) -> MerkleHash? {
        guard index >= 0, index < size else { return nil }
        var leaf = index
        var last = size - 1
        var root = hash
        for hash in hashes {
            if last == 0 { return nil }
            if leaf & 1 == 1 || leaf == last {
                root = .node(hash, root)
                while leaf & 1 == 0, leaf != 0 {
                    leaf >>= 1
                    last >>= 1
                }
            } else {
                root = .node(root, hash)
            }
            leaf >>= 1
            last >>= 1
        }
        return last == 0 ? root : nil
    }

    /// Whether it proves the leaf at `index` to be in the tree of this size and root.
    package func proves(leaf hash: MerkleHash, at index: Int64, size: Int64, root: MerkleHash) -> Bool {
        self.root(leaf: hash, at: index, size: size) == root
    }
}
