import Audit

/// RFC 6962's definition of MTH, word for word: slow and plain.
struct NaiveTree {
    let leaves: [MerkleHash]

    init(_ leaves: [MerkleHash]) { self.leaves = leaves }

    func root(of size: Int) -> MerkleHash { mth(leaves[..<size]) }

    func hash(_ range: SubtreeRange) -> MerkleHash { mth(leaves[Int(range.leaves.lowerBound)..<Int(range.leaves.upperBound)]) }

    private func mth(_ leaves: ArraySlice<MerkleHash>) -> MerkleHash {
        guard leaves.count > 1, let first = leaves.first else { return leaves.first ?? .ofNothing }
        _ = first
        var k = 1
        while k * 2 < leaves.count { k *= 2 }
        return .node(mth(leaves.prefix(k)), mth(leaves.dropFirst(k)))
    }
}
