/// A proof that a tree goes on from an older one, which it holds unchanged (RFC 6962 §2.1.2).
package struct ConsistencyProof: Sendable, Equatable {
    package let hashes: [MerkleHash]

    package init(_ hashes: [MerkleHash]) { self.hashes = hashes }

    /// The subtrees whose hashes make the proof: PROOF(old, D[new]). Empty when the sizes are equal or the older tree has no leaves.
    package static func ranges(from old: Int64, to new: Int64) -> [SubtreeRange] {
        precondition(old >= 0 && old <= new, "\(old) to \(new)")
        if old == 0 || old == new { return [] }
        var ranges: [SubtreeRange] = []
        var tree = 0..<new
        // Whether the older tree's root is a node of this part and so known.
        var isKnown = true
        while old < tree.upperBound {
            let middle = tree.lowerBound + (tree.upperBound - tree.lowerBound).splittingPoint
            if old <= middle {
                ranges.append(SubtreeRange(middle..<tree.upperBound))
                tree = tree.lowerBound..<middle
            } else {
                ranges.append(SubtreeRange(tree.lowerBound..<middle))
                tree = middle..<tree.upperBound
                isKnown = false
            }
        }
        if !isKnown { ranges.append(SubtreeRange(tree)) }
        return ranges.reversed()
    }

    /// Whether it proves that the tree of size `new` begins with all of the tree of size `old` (RFC 9162 §2.1.4.2).
    package func proves(from old: Int64, _ oldRoot: MerkleHash, to new: Int64, _ newRoot: MerkleHash) -> Bool {
        guard old >= 0, old <= new else { return false }
        if old == new { return hashes.isEmpty && oldRoot == newRoot }
        if old == 0 { return hashes.isEmpty && oldRoot == .ofNothing }
        // A complete older tree is a node of the newer one, and left out of the proof.
        var path = old.nonzeroBitCount == 1 ? [oldRoot] + hashes : hashes
        if path.isEmpty { return false }
        var (node, last) = (old - 1, new - 1)
        while node & 1 == 1 {
            node >>= 1
            last >>= 1
        }
        let first = path.removeFirst()
        var (oldHash, newHash) = (first, first)
        for hash in path {
            if last == 0 { return false }
            if node & 1 == 1 || node == last {
                oldHash = .node(hash, oldHash)
                newHash = .node(hash, newHash)
                while node & 1 == 0, node != 0 {
                    node >>= 1
                    last >>= 1
                }
            } else {
                newHash = .node(newHash, hash)
            }
            node >>= 1
            last >>= 1
        }
        return last == 0 && oldHash == oldRoot && newHash == newRoot
    }
}
