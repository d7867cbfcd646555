/// The right edge of the log's tree, which is all that adding leaves needs: the unfinished tile of each level, and the complete subtrees at the edge.
///
/// An added leaf costs one node hash on average; the root one for each binary digit of the size.
struct GrowingTree: Sendable {
    /// A tile with new hashes in it.
    struct ChangedTile: Sendable {
        let tile: Tile
        let hashes: [UInt8]
    }

    private(set) var size: Int64 = 0
    /// The hash of the complete subtree of each height at the edge, where there is one.
    private var edge: [MerkleHash?] = Array(repeating: nil, count: 64)
    /// The hashes of each level's last tile, fewer than 256; entries first.
    private var unfinished: [[UInt8]] = Array(repeating: [], count: Tile.levels + 1)
    private var full: [ChangedTile] = []
    private var isChanged: [Bool] = Array(repeating: false, count: Tile.levels + 1)

    /// An empty tree.
    init() {}

    /// The tree of `size` leaves whose last tiles hold these hashes. Nil when a tile is missing or shorter than the tree needs, or when the
    /// last entries are not those of the last leaves.
    /// - Parameter hashes: at least the hashes of a tile that such a tree has.
    init?(size: Int64, _ hashes: (Tile) throws -> [UInt8]?) rethrows {
        self.size = size
        for tile in Self.unfinishedTiles(size: size) {
            let wanted = tile.width * MerkleHash.byteCount
            guard let stored = try hashes(tile), stored.count >= wanted else { return nil }
            let slot = Self.slot(tile.level)
            unfinished[slot] = Array(stored[..<wanted])
            guard case .hashes(let level) = tile.level else { continue }
            // The binary digits of its width are subtrees at the edge.
            var start = 0
            for height in (0..<8).reversed() where tile.width & 1 << height != 0 {
                let range = SubtreeRange(Int64(start)..<Int64(start + 1 << height))
                edge[level * 8 + height] = range.hash { subtree in unfinished[slot].complete(subtree) }
                start += 1 << height
            }
        }
        let (entries, leaves) = (unfinished[Self.slot(.entries)], unfinished[Self.slot(.hashes(0))])
        for place in 0..<Int(size & 255) where MerkleHash.leaf(entries.hash(at: place)) != leaves.hash(at: place) { return nil }
    }

    /// The tiles at the right edge of a tree that are not full, and not empty either.
    static func unfinishedTiles(size: Int64) -> [Tile] {
        var tiles: [Tile] = []
        if size & 255 != 0 { tiles.append(Tile(.entries, index: size >> 8, width: Int(size & 255))) }
        for level in 0..<Tile.levels {
            let count = Tile.count(of: level, in: size)
            if count & 255 != 0 { tiles.append(Tile(.hashes(level), index: count >> 8, width: Int(count & 255))) }
        }
        return tiles
    }

    private static func slot(_ level: Tile.Level) -> Int {
        switch level {
        case .entries: 0
        case .hashes(let level): level + 1
        }
    }

    /// Adds the leaf of an entry, at the index that was `size`.
    mutating func append(entry: MerkleHash) { append(entry: entry, leaf: .leaf(entry)) }

    mutating func append(entry: MerkleHash, leaf: MerkleHash) {
        push(entry, to: .entries, count: size)
        var hash = leaf
        push(hash, to: .hashes(0), count: size)
        var height = 0
        while let left = edge[height].take() {
            hash = .node(left, hash)
            height += 1
            if height.isMultiple(of: 8) { push(hash, to: .hashes(height / 8), count: size >> Int64(height)) }
        }
        edge[height] = hash
        size += 1
    }

    /// The root of the tree as it is.
    var root: MerkleHash {
        var root: MerkleHash?
        for case let hash? in edge { root = root.map { .node(hash, $0) } ?? hash }
        return root ?? .ofNothing
    }

    /// The tiles that have become full since this was asked last, in the order in which they did.
    mutating func takeFullTiles() -> [ChangedTile] {
        defer { full.removeAll(keepingCapacity: true) }
        return full
    }

    /// The tiles at the right edge as they are now.
    var edgeTiles: [ChangedTile] {
        Self.unfinishedTiles(size: size).map { ChangedTile(tile: $0, hashes: unfinished[Self.slot($0.level)]) }
    }

    /// The tiles that have changed since this was asked last: full ones in the order in which they became full, then unfinished ones.
    mutating func takeChangedTiles() -> [ChangedTile] {
        let changed = takeFullTiles() + edgeTiles.filter { isChanged[Self.slot($0.tile.level)] }
        for slot in isChanged.indices { isChanged[slot] = false }
        return changed
    }

    /// - Parameter count: how many the level has had before this one.
    private mutating func push(_ hash: MerkleHash, to level: Tile.Level, count: Int64) {
        let slot = Self.slot(level)
        guard slot < unfinished.count else { return }
        hash.withUnsafeBytes { unfinished[slot].append(contentsOf: $0) }
        isChanged[slot] = true
        guard unfinished[slot].count == Tile.fullWidth * MerkleHash.byteCount else { return }
        full.append(ChangedTile(tile: Tile(level, index: count >> 8), hashes: unfinished[slot]))
        unfinished[slot] = []
        isChanged[slot] = false
    }
}

extension [UInt8] {
    /// The hash at a place in a tile's bytes.
    func hash(at index: Int) -> MerkleHash { withUnsafeBytes { MerkleHash($0, at: index * MerkleHash.byteCount) } }

    /// The hash of a complete subtree over a tile's hashes, which are its leaves.
    fileprivate func complete(_ subtree: Subtree) -> MerkleHash {
        if subtree.height == 0 { return hash(at: Int(subtree.index)) }
        return .node(complete(subtree.children.left), complete(subtree.children.right))
    }
}
