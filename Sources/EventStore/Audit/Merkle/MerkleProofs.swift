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

/// A complete subtree of the log's tree: the `2^height` leaves from `index << height` on.
package struct Subtree: Sendable, Hashable {
    package let height: Int
    package let index: Int64

    /// Its two halves. Only for heights above 0.
    var children: (left: Subtree, right: Subtree) {
        (Subtree(height: height - 1, index: index * 2), Subtree(height: height - 1, index: index * 2 + 1))
    }
}

/// The leaves from `lowerBound` up to, not including, `upperBound`, where those are one node of some tree of RFC 6962: MTH(D[a:b]).
package struct SubtreeRange: Sendable, Hashable {
    package let leaves: Range<Int64>

    package init(_ leaves: Range<Int64>) { self.leaves = leaves }

    /// The complete subtrees that it consists of, from left to right. RFC 6962 splits at the largest power of two each time, so these are the binary
    /// digits of its size.
    package var subtrees: [Subtree] {
        var subtrees: [Subtree] = []
        var start = leaves.lowerBound
        while start < leaves.upperBound {
            let height = (leaves.upperBound - start).highestBit
            subtrees.append(Subtree(height: height, index: start >> Int64(height)))
            start += 1 << Int64(height)
        }
        return subtrees
    }

    /// Its hash, from those of its subtrees.
    package func hash(_ subtree: (Subtree) throws -> MerkleHash) rethrows -> MerkleHash {
        var hashes = try subtrees.map(subtree)
        guard var hash = hashes.popLast() else { return .ofNothing }
        while let left = hashes.popLast() { hash = .node(left, hash) }
        return hash
    }
}

extension Int64 {
    /// The place of the highest bit that is set. Only for numbers above 0.
    var highestBit: Int { 63 - leadingZeroBitCount }

    /// The largest power of two below this number (RFC 6962's k). Only for numbers above 1.
    var splittingPoint: Int64 { 1 << Int64((self - 1).highestBit) }
}
