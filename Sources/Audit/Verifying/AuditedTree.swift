/// The tree that an audit grows from the events, held against what is stored of the tree.
struct AuditedTree {
    /// A root that the tree must have when it is of that size.
    struct Expectation {
        let name: String
        let size: Int64
        let root: MerkleHash
    }

    private let storedSize: Int64
    private var tree = GrowingTree()
    private var json = CanonicalJSON()
    /// By size, smallest last.
    private var expected: [Expectation] = []
    /// The first thing that did not fit while events were read. An earlier event may be to blame, which only the tiles tell.
    private var suspicion: AuditDifference?
    private var comparable: [GrowingTree.ChangedTile] = []
    var report = AuditReport()

    /// - Parameter size: of the tree that is stored.
    init(size: Int64) { storedSize = size }

    var isSound: Bool { suspicion == nil }

    /// Throws what did not fit and is no single tile's fault.
    func confirmSound() throws(AuditDifference) {
        if let suspicion { throw suspicion }
    }

    mutating func expect(_ expectations: [Expectation]) { expected = expectations.sorted { $0.size > $1.size } }

    mutating func append(_ event: StoredEventRow) {
        guard suspicion == nil else { return }
        let next = tree.size + 1
        guard event.position == next else {
            let what = event.position > next ? "the event is missing; the next one is at position \(event.position)" : "an event is there twice"
            suspicion = AuditDifference(at: min(next, event.position), what)
            return
        }
        json.removeAll()
        do {
            try json.append(event)
        } catch {
            return note(error)
        }
        tree.append(entry: .sha256(json.bytes))
        if tree.size == storedSize { comparable = tree.edgeTiles }
        checkRoots()
        if suspicion == nil { report.events = tree.size }
    }

    /// An event that can't be read.
    mutating func note(_ error: CanonicalFormError) {
        guard suspicion == nil else { return }
        let reason =
            switch error {
            case .malformed: "its row has another form"
            case .inexactNumber: "it has a number that no double holds"
            case .malformedEvent(_, let column): "its column \(column) has another form"
            }
        suspicion = AuditDifference(at: tree.size + 1, "the event is not one that the log can have taken: \(reason)")
    }

    private mutating func checkRoots() {
        while let next = expected.last, next.size <= tree.size {
            expected.removeLast()
            guard next.root == tree.root else {
                suspicion = AuditDifference(
                    at: report.covered + 1,
                    "\(next.name) has another root than the log: an event from here to position \(next.size) is not what was signed")
                return
            }
            report.covered = next.size
            report.checkpoints += 1
        }
    }

    /// All events up to `position` were to come.
    mutating func endStep(at position: Int64) {
        if suspicion == nil, tree.size < position { suspicion = AuditDifference(at: tree.size + 1, "the event is missing") }
    }

    /// The tiles to be compared: those that became full, the unfinished ones once the tree has the stored size, and, when something did not fit, all there is by then.
    var comparableTiles: [Tile] { tilesToCompare.map(\.tile) }

    private var tilesToCompare: [GrowingTree.ChangedTile] {
        var copy = tree
        let full = copy.takeFullTiles().filter { end(of: $0.tile) <= storedSize }
        return full + (suspicion != nil && tree.size < storedSize ? tree.edgeTiles : comparable)
    }

    private func end(of tile: Tile) -> Int64 {
        switch tile.level {
        case .entries: tile.index * 256 + Int64(tile.width)
        case .hashes(let level): (tile.index * 256 + Int64(tile.width)) << Int64(8 * level)
        }
    }

    /// Throws the first difference between the tiles above and the stored ones, by position.
    mutating func compare(_ stored: [Tile: [UInt8]]) throws(AuditDifference) {
        let tiles = tilesToCompare
        _ = tree.takeFullTiles()
        comparable = []
        var first: (rank: Int, difference: AuditDifference)?
        for one in tiles {
            guard let difference = difference(one, stored) else {
                report.tiles += 1
                continue
            }
            // A wrong leaf makes every hash above it wrong, and those begin at earlier positions.
            let rank = rank(one.tile.level)
            if let first, (first.rank, first.difference.position ?? 0) <= (rank, difference.position ?? 0) { continue }
            first = (rank, difference)
        }
        guard let first = first?.difference else { return }
        report.events = min(report.events, (first.position ?? 1) - 1)
        // What the tiles tell is always before an event that is missing, and says more than a root.
        throw first
    }

    private func rank(_ level: Tile.Level) -> Int {
        switch level {
        case .entries: 0
        case .hashes(let level): level
        }
    }

    private func difference(_ one: GrowingTree.ChangedTile, _ stored: [Tile: [UInt8]]) -> AuditDifference? {
        let there = stored[one.tile] ?? []
        let place = (0..<one.tile.width).first { index in
            there.count < (index + 1) * MerkleHash.byteCount || there.hash(at: index) != one.hashes.hash(at: index)
        }
        guard let place else { return nil }
        let index = one.tile.index * 256 + Int64(place)
        let isMissing = there.count < (place + 1) * MerkleHash.byteCount
        let what = isMissing ? "is not in" : "is another in"
        switch one.tile.level {
        case .entries:
            // When the leaf fits it is the stored entry that was changed, and not the event.
            let leaf = Tile(.hashes(0), index: one.tile.index, width: one.tile.width)
            let isEventAsItWas = stored[leaf].map { $0.count > place * 32 && $0.hash(at: place) == .leaf(one.hashes.hash(at: place)) } ?? false
            return AuditDifference(
                at: index + 1,
                isEventAsItWas || isMissing
                    ? "the event's entry \(what) the stored \(one.tile)"
                    : "the event is not the one that the log took: its SHA-256 is \(one.hashes.hash(at: place)), the tree has \(there.hash(at: place))"
            )
        case .hashes(0): return AuditDifference(at: index + 1, "the event's leaf hash \(what) the stored \(one.tile)")
        case .hashes(let level):
            let first = index << Int64(8 * level)
            return AuditDifference(
                at: first + 1, "the hash over positions \(first + 1) to \(first + 1 << Int64(8 * level)) \(what) the stored \(one.tile)")
        }
    }
}
