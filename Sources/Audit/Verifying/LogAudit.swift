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
    ///   - keys: whose signatures count.
    ///   - retired: those whose count on checkpoints before the first by one of `keys`, oldest first.
    ///   - witnessed: checkpoints that the log must hold, too, whatever its own tables say.
    package init(_ pool: ConnectionPool, keys: [NoteVerifier], retired: [NoteVerifier] = [], witnessed: [Witnessed] = []) {
        self.pool = pool
        self.keys = keys
        self.retired = retired
        self.witnessed = witnessed
    }

    /// Audits the log as it is now, up to its first difference. `progress` is told how many positions of how many are done.
    package func run(progress: (Int64, Int64) -> Void = { _, _ in }) async throws -> AuditReport {
        let log = MerkleLog(pool)
        // In this order: what the follower adds meanwhile is behind what is looked at.
        let sizes = try await log.sizes()
        let head = try await log.head()
        var fold = AuditedTree(size: sizes.tree)
        var succession = KeySuccession(keys, after: retired)
        do {
            try require(sizes, head)
            var last: Int64 = 0
            while last < head, fold.isSound {
                let range = last + 1...min(head, last + Self.step)
                try await read(range, sizes, into: &fold, &succession, log)
                last = range.upperBound
                progress(last, head)
            }
            try fold.confirmSound()
            if let missing = Self.firstMissing(head: head, sizes.tree, witnessed) { throw missing }
        } catch {
            guard let difference = error as? AuditDifference else { throw error }
            fold.report.difference = difference
        }
        return fold.report
    }

    /// The signatures, before anything is read.
    private func require(_ sizes: (tree: Int64, checkpoint: Int64), _ head: Int64) throws(AuditDifference) {
        for one in witnessed where !isSigned(one.checkpoint) {
            throw AuditDifference(at: nil, "\(one.name) is not signed by \(keys.map(\.name).joined(separator: " or "))")
        }
        guard sizes.checkpoint <= sizes.tree else {
            throw AuditDifference(at: nil, "there is a checkpoint of \(sizes.checkpoint), but the tree has \(sizes.tree) leaves")
        }
    }

    /// One step: events into the tree, the checkpoints of these sizes against its roots, then its full tiles against those that are stored.
    private func read(
        _ range: ClosedRange<Int64>, _ sizes: (tree: Int64, checkpoint: Int64), into fold: inout AuditedTree, _ succession: inout KeySuccession,
        _ log: MerkleLog
    ) async throws {
        var checkpoints: [AuditedTree.Expectation] = []
        if range.lowerBound <= sizes.checkpoint {
            for (size, note) in try await log.checkpoints(range.lowerBound...min(range.upperBound, sizes.checkpoint)) {
                checkpoints.append(try expectation(size, note, &succession))
            }
        }
        for one in witnessed where range.contains(one.checkpoint.checkpoint.size) {
            checkpoints.append(AuditedTree.Expectation(name: one.name, size: one.checkpoint.checkpoint.size, root: one.checkpoint.checkpoint.root))
        }
        fold.expect(checkpoints)
        try await StoredEventScan(pool).chunks(of: range) { chunk in
            do {
                try chunk.forEach { fold.append($0) }
            } catch {
                guard let malformed = error as? CanonicalFormError else { throw error }
                fold.note(malformed)
            }
        }
        fold.endStep(at: range.upperBound)
        try fold.compare(try await log.storedHashes(of: fold.comparableTiles))
    }

    private func expectation(_ size: Int64, _ note: String, _ succession: inout KeySuccession) throws(AuditDifference) -> AuditedTree.Expectation {
        guard let signed = SignedCheckpoint(note), signed.checkpoint.size == size else {
            throw AuditDifference(at: nil, "the stored checkpoint of \(size) is not a checkpoint of that size")
        }
        guard succession.accepts(signed) else {
            throw AuditDifference(at: nil, "the stored checkpoint of \(size) is not signed by \(keys.map(\.name).joined(separator: " or "))")
        }
        return AuditedTree.Expectation(name: "the stored checkpoint of \(size)", size: size, root: signed.checkpoint.root)
    }

    private func isSigned(_ checkpoint: SignedCheckpoint) -> Bool { (keys + retired).contains { checkpoint.isSigned(by: $0) } }

    private static func firstMissing(head: Int64, _ tree: Int64, _ witnessed: [Witnessed]) -> AuditDifference? {
        if let longest = witnessed.max(by: { $0.checkpoint.checkpoint.size < $1.checkpoint.checkpoint.size }),
            longest.checkpoint.checkpoint.size > head, longest.checkpoint.checkpoint.size >= tree
        {
            return AuditDifference(
                at: head + 1, "the event is missing: \(longest.name) covers \(longest.checkpoint.checkpoint.size), the log ends at \(head)")
        }
        return tree > head ? AuditDifference(at: head + 1, "the event is missing: the tree has \(tree) leaves, the log ends at \(head)") : nil
    }
}
