/// A complete subtree of the log's tree: the `2^height` leaves from `index << height` on.
package struct Subtree: Sendable, Hashable {
    package let height: Int
    package let index: Int64

    package init(height: Int, index: Int64) {
        self.height = height
        self.index = index
    }

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
