package import Postgres

/// Reads the whole log again and holds it against everything that was stored and signed: each leaf, each tile, each checkpoint.
///
/// One tree is grown from the events, and each checkpoint's root must be that tree's at its size. So each checkpoint goes on from the one before.
package struct LogAudit: Sendable {
    /// A checkpoint that came from elsewhere, such as an auditor's own copy.
    package struct Witnessed: Sendable {
        let name: String
        let checkpoint: SignedCheckpoint

        /// - Parameter name: how a difference names it.
        package init(_ checkpoint: SignedCheckpoint, name: String) {
            self.name = name
            self.checkpoint = checkpoint
        }
    }

    /// Positions between two looks at the stored tiles.
    private static let step: Int64 = 16_384

    private let pool: ConnectionPool
    private let keys: [NoteVerifier]
    private let retired: [NoteVerifier]
    private let witnessed: [Witnessed]

    /// - Parameters:
    ///   - pool: the log's database, with a right to SELECT on the log and the Merkle tables.
    ///   - keys: the keys whose signatures count.
    ///   - retired: keys that count on checkpoints before the first by one of `keys`, oldest first.
    ///   - witnessed: checkpoints from elsewhere that the log must hold, too.
    package init(_ pool: ConnectionPool, keys: [NoteVerifier], retired: [NoteVerifier] = [], witnessed: [Witnessed] = []) {
        self.pool = pool
        self.keys = keys
        self.retired = retired
        self.witnessed = witnessed
    }

    /// Audits the log as it is now, up to its first difference. `progress` is told how many positions of how many are done.
    package func run(progress: (Int64, Int64) -> Void = { _, _ in }) async throws -> AuditReport {
        let log = MerkleLog(pool)
        // In this order: rows that the follower adds meanwhile lie behind the ones that are looked at.
        let sizes = try await log.sizes()
        let head = try await log.head()
        var fold = AuditedTree(size: sizes.tree)
        var succession = KeySuccession(keys, after: retired)
        do {
            try confirmWitnessed()
            // No reader by position would meet it, but its stream has it.
            if let before: Int64 = try await pool.query(.eventBeforeFirst).first?.get(0) {
                throw AuditDifference(at: before, "there is an event before the log's first position")
            }
            var last: Int64 = 0
            while last < head, fold.isSound {
                let range = last + 1...min(head, last + Self.step)
                try await read(range, sizes, into: &fold, &succession, log)
                last = range.upperBound
                progress(last, head)
            }
            try fold.confirmSound()
            try await confirmExtent(sizes, head, log)
        } catch {
            guard let difference = error as? AuditDifference else { throw error }
            fold.report.difference = difference
        }
        return fold.report
    }

    /// Checks the witnessed checkpoints before anything is read.
    private func confirmWitnessed() throws(AuditDifference) {
        for one in witnessed {
            guard isSigned(one.checkpoint) else { throw AuditDifference(at: nil, "\(one.name) \(unsigned)") }
            guard one.size > 0 || one.checkpoint.checkpoint.root == .ofNothing else {
                throw AuditDifference(at: nil, "\(one.name) has another root than a log without events")
            }
        }
    }

    /// One step: events into the tree, the checkpoints of these sizes against its roots, then its full tiles against those that are stored.
    private func read(
        _ range: ClosedRange<Int64>, _ sizes: (tree: Int64, checkpoint: Int64), into fold: inout AuditedTree, _ succession: inout KeySuccession,
        _ log: MerkleLog
    ) async throws {
        var checkpoints = witnessed.filter { range.contains($0.size) }.map {
            AuditedTree.Expectation(name: $0.name, size: $0.size, claim: .root($0.checkpoint.checkpoint.root))
        }
        // No follower signs a tree of no leaves; such a row is found with the first step.
        let (first, last) = (range.lowerBound == 1 ? .min : range.lowerBound, min(range.upperBound, sizes.checkpoint))
        if first <= last {
            for (size, note) in try await log.checkpoints(first...last) {
                checkpoints.append(
                    AuditedTree.Expectation(name: "the stored checkpoint of \(size)", size: size, claim: claim(size, note, &succession)))
            }
        }
        fold.beginStep(checkpoints)
        try await AuditTrail(pool).pages(at: range) { page in
            do {
                try page.forEach { fold.append($0) }
            } catch {
                guard let malformed = error as? CanonicalFormError else { throw error }
                fold.note(malformed)
            }
        }
        let tiles = fold.endStep(at: range.upperBound)
        try fold.compare(tiles, with: try await log.storedHashes(of: tiles.map(\.tile)))
    }

    private func claim(_ size: Int64, _ note: String, _ succession: inout KeySuccession) -> AuditedTree.Expectation.Claim {
        guard size > 0, let signed = SignedCheckpoint(note), signed.checkpoint.size == size else {
            return .nothing("is not a checkpoint of that size")
        }
        return succession.accepts(signed) ? .root(signed.checkpoint.root) : .nothing(unsigned)
    }

    private func isSigned(_ checkpoint: SignedCheckpoint) -> Bool { (keys + retired).contains { checkpoint.isSigned(by: $0) } }

    private var unsigned: String { "is not signed by \(keys.map(\.name).joined(separator: " or "))" }

    /// The log and the tables must reach as far as the newest checkpoint, and the tables no further than they say.
    private func confirmExtent(_ sizes: (tree: Int64, checkpoint: Int64), _ head: Int64, _ log: MerkleLog) async throws {
        var signed = (name: "the newest stored checkpoint", size: sizes.checkpoint)
        for one in witnessed where one.size >= signed.size { signed = (one.name, one.size) }
        guard signed.size <= head else {
            throw AuditDifference(at: head + 1, "the event is missing: \(signed.name) covers \(signed.size), the log ends at \(head)")
        }
        guard sizes.tree <= head else {
            throw AuditDifference(at: head + 1, "the event is missing: the tree has \(sizes.tree) leaves, the log ends at \(head)")
        }
        // The tables hold a tree before it is signed anywhere.
        guard sizes.tree >= signed.size else {
            throw AuditDifference(
                at: max(sizes.tree, 0) + 1,
                "the event's hashes are not in the tables: \(signed.name) covers \(signed.size), the tree there has \(sizes.tree) leaves")
        }
        if let surplus = try await log.surplus() { throw AuditDifference(at: max(surplus.size, 0) + 1, surplus.description) }
    }
}

extension LogAudit.Witnessed {
    fileprivate var size: Int64 { checkpoint.checkpoint.size }
}

/// The keys whose signatures count on the stored checkpoints, which are shown smallest first: a retired key counts until the first checkpoint of a
/// later key.
struct KeySuccession {
    private let present: [NoteVerifier]
    /// Those whose time is not over, oldest first.
    private var retired: ArraySlice<NoteVerifier>

    init(_ present: [NoteVerifier], after retired: [NoteVerifier]) {
        self.present = present
        self.retired = retired[...]
    }

    /// Whether the next checkpoint is signed by a key whose turn it can be.
    mutating func accepts(_ checkpoint: SignedCheckpoint) -> Bool {
        if present.contains(where: { checkpoint.isSigned(by: $0) }) {
            retired = []
            return true
        }
        guard let turn = retired.firstIndex(where: { checkpoint.isSigned(by: $0) }) else { return false }
        retired = retired[turn...]
        return true
    }
}
