extension GrowingTree.ChangedTile {
    /// The first hash that is another in the stored tile, or not in it; nil when all of this tile is there. What the stored one has behind that is not looked at.
    /// - Parameter stored: this tile and, for entries, the one of their leaf hashes.
    func difference(in stored: [Tile: [UInt8]]) -> AuditDifference? {
        let there = stored[tile] ?? []
        let place = (0..<tile.width).first { index in
            there.count < (index + 1) * MerkleHash.byteCount || there.hash(at: index) != hashes.hash(at: index)
        }
        guard let place else { return nil }
        let index = tile.index * 256 + Int64(place)
        let isMissing = there.count < (place + 1) * MerkleHash.byteCount
        let what = isMissing ? "is not in" : "is another in"
        switch tile.level {
        case .entries:
            // When the leaf fits it is the stored entry that was changed, and not the event.
            let leaf = Tile(.hashes(0), index: tile.index, width: tile.width)
            let isEventAsItWas = stored[leaf].map { $0.count > place * 32 && $0.hash(at: place) == .leaf(hashes.hash(at: place)) } ?? false
            return AuditDifference(
                at: index + 1,
                isEventAsItWas || isMissing
                    ? "the event's entry \(what) the stored \(tile)"
                    : "the event is not the one that the log took: its SHA-256 is \(hashes.hash(at: place)), the tree has \(there.hash(at: place))")
        case .hashes(0): return AuditDifference(at: index + 1, "the event's leaf hash \(what) the stored \(tile)")
        case .hashes(let level):
            let first = index << Int64(8 * level)
            return AuditDifference(
                at: first + 1, "the hash over positions \(first + 1) to \(first + 1 << Int64(8 * level)) \(what) the stored \(tile)")
        }
    }
}

extension Tile {
    /// How many leaves a tree has at least that has this tile.
    var leaves: Int64 {
        switch level {
        case .entries: index * 256 + Int64(width)
        case .hashes(let level): (index * 256 + Int64(width)) << Int64(8 * level)
        }
    }

    /// Which of several tiles that differ tells the most: the lowest.
    var rank: Int {
        switch level {
        case .entries: 0
        case .hashes(let level): level
        }
    }
}
