/// The tree that an audit grows from the events, held against what is stored of the tree.
struct AuditedTree {
    /// What a checkpoint says of the tree when it is of that size.
    struct Expectation {
        /// What there is of the checkpoint.
        enum Claim {
            case root(MerkleHash)
            /// It is no word of the log's, for this reason.
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

    /// Throws what did not fit and is no single tile's fault.
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
        case .root: "has another root than the log: an event from here to position \(checkpoint.size) is not what was signed"
        }
    }

    /// Ends a step: all events up to `position` were to come. Returns the tiles that are to be compared with the stored ones: those that became full, the unfinished ones once
    /// the tree has the stored size, and, when something did not fit, all there is by then.
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
        // What the tiles tell is always before an event that is missing, and says more than a root.
        throw first
    }
}
