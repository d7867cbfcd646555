/// A tile of the log's tree (C2SP tlog-tiles): up to 256 hashes of one level side by side, or the entries under a tile of level 0.
package struct Tile: Sendable, Hashable {
    /// The content of a tile.
    package enum Level: Sendable, Hashable {
        /// Entries: here each the SHA-256 of an event's canonical JSON.
        case entries
        /// Hashes of complete subtrees of 256^n leaves, n from 0 to 7.
        case hashes(Int)
    }

    package static let fullWidth = 256
    /// Levels above would need more leaves than positions can count.
    package static let levels = 8

    package let level: Level
    package let index: Int64
    /// How many hashes or entries: 256 for a full tile, 1 to 255 for a partial one.
    package let width: Int

    package init(_ level: Level, index: Int64, width: Int = fullWidth) {
        self.level = level
        self.index = index
        self.width = width
    }

    package var isFull: Bool { width == Self.fullWidth }

    /// How the tables name its level: -1 for entries.
    var storedLevel: Int16 {
        switch level {
        case .entries: -1
        case .hashes(let level): Int16(level)
        }
    }

    /// How many there are of this level in a tree of `size` leaves, complete ones or not.
    static func count(of level: Int, in size: Int64) -> Int64 { size >> Int64(8 * level) }
}

extension Tile: CustomStringConvertible {
    /// Its path: `tile/0/x001/x234/067`, `tile/1/000.p/3`, `tile/entries/000`.
    package var description: String {
        let name =
            switch level {
            case .entries: "entries"
            case .hashes(let level): "\(level)"
            }
        return "tile/\(name)/\(path)"
    }

    private var path: String {
        var groups: [String] = []
        var rest = index
        repeat {
            groups.insert((groups.isEmpty ? "" : "x") + String(rest % 1000 + 1000).dropFirst(), at: 0)
            rest /= 1000
        } while rest > 0
        return groups.joined(separator: "/") + (isFull ? "" : ".p/\(width)")
    }

    /// Reads a path as `description` writes it; nil for anything else, so each tile has one name. Byte by byte: the path is a caller's.
    package init?(path: some StringProtocol) {
        let bytes = Array(path.utf8)
        guard bytes.count <= Self.longestPath else { return nil }
        var parts = bytes.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)[...]
        guard let root = parts.popFirst(), root.elementsEqual("tile".utf8), let name = parts.popFirst() else { return nil }
        let level: Level
        if name.elementsEqual("entries".utf8) {
            level = .entries
        } else {
            guard let number = Self.number(name), number < Self.levels else { return nil }
            level = .hashes(Int(number))
        }
        var width = Self.fullWidth
        if parts.count >= 2, let group = parts.dropLast().last, group.suffix(2).elementsEqual(".p".utf8) {
            guard let number = parts.popLast().flatMap({ Self.number($0) }), 1..<Int64(Self.fullWidth) ~= number else { return nil }
            width = Int(number)
            parts[parts.endIndex - 1] = group.dropLast(2)
        }
        var index: Int64 = 0
        // Six groups of three digits are more tiles than there can be.
        guard 1...6 ~= parts.count else { return nil }
        for (place, part) in parts.enumerated() {
            let isLast = place == parts.count - 1
            let digits = isLast ? part : part.dropFirst()
            guard isLast || part.first == UInt8(ascii: "x"), digits.count == 3, let number = Self.number(digits) else { return nil }
            index = index * 1000 + number
        }
        // Its last place is a position, too.
        guard index < Int64.max / Int64(Self.fullWidth) else { return nil }
        self.init(level, index: index, width: width)
        guard description.utf8.elementsEqual(bytes) else { return nil }
    }

    /// `tile/entries/x999/x999/x999/x999/x999/999.p/255`
    private static let longestPath = 47

    /// One to three ASCII digits.
    private static func number(_ digits: ArraySlice<UInt8>) -> Int64? {
        guard 1...3 ~= digits.count else { return nil }
        var number: Int64 = 0
        for digit in digits {
            guard UInt8(ascii: "0")...UInt8(ascii: "9") ~= digit else { return nil }
            number = number * 10 + Int64(digit - UInt8(ascii: "0"))
        }
        return number
    }
}

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
