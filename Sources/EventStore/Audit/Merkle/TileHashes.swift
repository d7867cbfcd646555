/// The hashes of complete subtrees out of tiles. Each tile's inner nodes are computed once, so proofs for neighbouring leaves cost next to nothing.
struct TileHashes: Sendable {
    private struct Inner: Sendable {
        /// By height above the tile's level, from 0 to 8: as many as are complete.
        let rows: [[MerkleHash]]

        init(_ bytes: [UInt8]) {
            var rows = [(0..<bytes.count / MerkleHash.byteCount).map { bytes.hash(at: $0) }]
            while rows.count <= 8, let below = rows.last, below.count > 1 {
                rows.append((0..<below.count / 2).map { .node(below[$0 * 2], below[$0 * 2 + 1]) })
            }
            self.rows = rows
        }
    }

    private var tiles: [Subtree: Inner] = [:]
    private let capacity: Int

    /// - Parameter capacity: how many tiles are kept, 16 KiB each.
    init(capacity: Int = 256) { self.capacity = capacity }

    /// The tile that has a subtree's hash or the hashes it is made of: level and index, in a tree of `size` leaves.
    static func tile(of subtree: Subtree, size: Int64) -> Tile {
        // A subtree of height 8 is a hash in the tile above rather than the root of the one below, which may not have been stored in full for longer.
        let level = subtree.height / 8
        let index = subtree.index >> Int64(8 - subtree.height % 8)
        let width = min(Int64(Tile.fullWidth), Tile.count(of: level, in: size) - index << 8)
        return Tile(.hashes(level), index: index, width: Int(width))
    }

    /// The tiles that these ranges need and that are not here yet.
    func missing(for ranges: [SubtreeRange], size: Int64) -> [Tile] {
        var missing: Set<Tile> = []
        for subtree in ranges.flatMap(\.subtrees) {
            let tile = Self.tile(of: subtree, size: size)
            if tiles[Self.key(tile)] == nil { missing.insert(tile) }
        }
        return Array(missing)
    }

    /// Forgets all tiles when `count` more would be too many.
    mutating func makeRoom(for count: Int) {
        if tiles.count + count > capacity { tiles.removeAll(keepingCapacity: true) }
    }

    /// Takes in a tile's hashes. Partial tiles must be of one tree size throughout the life of this value.
    mutating func insert(_ hashes: [UInt8], for tile: Tile) {
        tiles[Self.key(tile)] = Inner(Array(hashes.prefix(tile.width * MerkleHash.byteCount)))
    }

    /// A range's hash; nil when a tile for it has not been taken in.
    func hash(_ range: SubtreeRange) -> MerkleHash? {
        var isComplete = true
        let hash = range.hash { subtree in
            let level = subtree.height / 8
            let height = subtree.height % 8
            let perTile = Int64(1) << Int64(8 - height)
            guard let inner = tiles[Subtree(height: level, index: subtree.index / perTile)], height < inner.rows.count,
                Int(subtree.index % perTile) < inner.rows[height].count
            else {
                isComplete = false
                return .ofNothing
            }
            return inner.rows[height][Int(subtree.index % perTile)]
        }
        return isComplete ? hash : nil
    }

    private static func key(_ tile: Tile) -> Subtree {
        switch tile.level {
        case .entries: Subtree(height: -1, index: tile.index)
        case .hashes(let level): Subtree(height: level, index: tile.index)
        }
    }
}
