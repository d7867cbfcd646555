import JSON

/// The tree that an audit grows from the events, held against the stored tree.
struct AuditedTree {
    /// A checkpoint that the tree is held against when it has its size.
    struct Expectation {
        /// The checkpoint's root, or why it doesn't count.
        enum Claim {
            case root(MerkleHash)
            case nothing(String)
        }

        let name: String
        let size: Int64
        let claim: Claim
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

    /// Throws the difference that no single tile explains.
    func confirmSound() throws(AuditDifference) {
        if let suspicion { throw suspicion }
    }

    /// Begins a step, with the checkpoints of the sizes in it.
    mutating func beginStep(_ expectations: [Expectation]) { expected = expectations.sorted { $0.size > $1.size } }

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

    /// Takes note of an event that can't be read.
    mutating func note(_ error: CanonicalFormError) {
        guard suspicion == nil else { return }
        suspicion = AuditDifference(at: tree.size + 1, "the event is not one that the log can have taken: \(error.reason)")
    }

    private mutating func checkRoots() {
        while let next = expected.last, next.size <= tree.size {
            expected.removeLast()
            if let fault = fault(of: next) {
                suspicion = AuditDifference(at: report.covered + 1, "\(next.name) \(fault)")
                return
            }
            report.covered = next.size
            report.checkpoints += 1
        }
    }

    private func fault(of checkpoint: Expectation) -> String? {
        switch checkpoint.claim {
        case .nothing(let reason): reason
        case .root(tree.root): nil
        case .root: "has another root than the log: an event from here to position \(checkpoint.size) is not the one that was signed"
        }
    }

    /// Ends a step: all events up to `position` were to come. Returns the tiles that are to be compared with the stored ones: those that became full,
    /// the unfinished ones once the tree has the stored size, and, when something did not fit, all there is by then.
    mutating func endStep(at position: Int64) -> [GrowingTree.ChangedTile] {
        if suspicion == nil, tree.size < position { suspicion = AuditDifference(at: tree.size + 1, "the event is missing") }
        defer { comparable = [] }
        let full = tree.takeFullTiles().filter { $0.tile.leaves <= storedSize }
        return full + (suspicion != nil && tree.size < storedSize ? tree.edgeTiles : comparable)
    }

    /// Throws the first difference between tiles and the stored ones, by position.
    mutating func compare(_ tiles: [GrowingTree.ChangedTile], with stored: [Tile: [UInt8]]) throws(AuditDifference) {
        var first: (rank: Int, difference: AuditDifference)?
        for one in tiles {
            guard let difference = one.difference(in: stored) else {
                report.tiles += 1
                continue
            }
            // A wrong leaf makes every hash above it wrong, and those begin at earlier positions.
            let rank = one.tile.rank
            if let first, (first.rank, first.difference.position ?? 0) <= (rank, difference.position ?? 0) { continue }
            first = (rank, difference)
        }
        guard let first = first?.difference else { return }
        report.events = min(report.events, (first.position ?? 1) - 1)
        // A tile's difference always lies before a missing event, and says more than a root.
        throw first
    }
}

extension GrowingTree.ChangedTile {
    /// The first hash that is another in the stored tile, or not in it; nil when all of this tile is there. Hashes that the stored one has behind
    /// those are not looked at.
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

    /// The lowest of several tiles that differ tells the most.
    var rank: Int {
        switch level {
        case .entries: 0
        case .hashes(let level): level
        }
    }
}
