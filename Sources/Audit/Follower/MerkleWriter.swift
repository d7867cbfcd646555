import EventSourcing
import Postgres

/// Grows the tree under one lease: reads events, stores tiles, signs and publishes checkpoints. Begins by holding what is stored against what was signed.
struct MerkleWriter {
    /// Events between two writes, when there are so many: 64 full tiles of level 0.
    private static let batch: Int64 = 16_384

    private let pool: ConnectionPool
    private let lease: MerkleLease
    private let signer: NoteSigner
    private let file: LastCheckpointFile
    private var tree: GrowingTree
    /// The entry of the last event in the tree; nil in an empty one.
    private var lastEntry: MerkleHash?
    /// The size that the tables have.
    private var stored: Int64
    /// What the file holds.
    private(set) var signed: SignedCheckpoint?
    /// The largest checkpoint in the tables.
    private var published: Int64

    /// How many events are in the tree so far.
    var size: Int64 { tree.size }

    /// Takes up the tree where the last holder of the lease left it. Throws `MerkleStop` when the log, the tables and what was signed do not fit together.
    init(_ pool: ConnectionPool, under lease: MerkleLease, signer: NoteSigner, file: LastCheckpointFile) async throws {
        self.pool = pool
        self.lease = lease
        self.signer = signer
        self.file = file
        let log = MerkleLog(pool)
        let edge = try await log.hashes(of: GrowingTree.unfinishedTiles(size: lease.size))
        guard let tree = GrowingTree(size: lease.size, { edge[$0] }) else {
            throw MerkleStop.treeDamaged(reason: "the last tiles of the tree of \(lease.size) are incomplete")
        }
        self.tree = tree
        stored = lease.size
        if stored > 0 {
            let bundle = Tile(.entries, index: (stored - 1) >> 8, width: Int((stored - 1) & 255) + 1)
            guard let entries = try await log.hashes(of: [bundle])[bundle] else {
                throw MerkleStop.treeDamaged(reason: "the last entries are incomplete")
            }
            lastEntry = entries.hash(at: bundle.width - 1)
        }
        let newest = try await Self.stopping { try await log.checkpoint() }
        published = newest?.checkpoint.size ?? 0
        signed = try await onOwnThread("audit-file") { [file] in Result { () throws(AuditFileError) in try file.read() } }.stopping()
        if let signed, !signed.isSigned(by: signer.verifier) {
            throw MerkleStop.files(.unusable(file.path, "the checkpoint in it is not signed by the audit key"))
        }
        if signed == nil, let newest, newest.isSigned(by: signer.verifier) { try await sign(newest) }
        try await confirm([signed, newest].compactMap { $0?.checkpoint }, log)
    }

    /// A log restored to an older state is shorter than what was signed, or has grown past it and is another.
    private func confirm(_ checkpoints: [Checkpoint], _ log: MerkleLog) async throws {
        let most = checkpoints.reduce(stored) { max($0, $1.size) }
        let head: Int64 = try await pool.query(.logHead).first?.get(0) ?? 0
        guard head >= most else { throw MerkleStop.logIsShorter(head: head, signed: most) }
        var prover = Prover(log, size: stored)
        for checkpoint in checkpoints where checkpoint.size <= stored {
            let root = try await Self.stopping { try await prover.root(at: checkpoint.size) }
            guard root == checkpoint.root else { throw MerkleStop.logIsAnother(size: checkpoint.size) }
        }
    }

    /// Takes in what the log has up to `head`, one batch at most, and never goes past a signed checkpoint without a look at it. Begins with the last event again: a log that was
    /// restored while this process ran has another one there, and may since have grown past it.
    mutating func extend(to head: Int64) async throws {
        var bound = head
        if let signed, signed.checkpoint.size > size { bound = min(bound, signed.checkpoint.size) }
        let known = size
        let last = min(bound, known + Self.batch)
        guard last >= max(known, 1) else { return }
        var isSame = known == 0
        var json = CanonicalJSON()
        do {
            try await StoredEventScan(pool).chunks(of: max(known, 1)...last) { chunk in
                try chunk.forEach { event in
                    json.removeAll()
                    try json.append(event)
                    let entry = MerkleHash.sha256(json.bytes)
                    if event.position == known {
                        guard entry == lastEntry else { throw MerkleStop.logIsAnother(size: known) }
                        isSame = true
                        return
                    }
                    guard isSame, event.position == tree.size + 1 else { throw MerkleStop.gap(position: isSame ? tree.size + 1 : known) }
                    tree.append(entry: entry)
                    lastEntry = entry
                }
            }
        } catch {
            guard let error = error as? CanonicalFormError else { throw error }
            throw MerkleStop.unreadableEvent(position: tree.size + 1, reason: "\(error)")
        }
        guard isSame else { throw MerkleStop.gap(position: known) }
        guard tree.size == last else { throw MerkleStop.gap(position: tree.size + 1) }
    }

    /// Whether the tables lack something that is in the tree, or the checkpoint that was signed last.
    var isBehind: Bool { stored < size || published < min(size, signed?.checkpoint.size ?? 0) }

    /// Stores the tree's new tiles and, if asked to, a checkpoint of it: first in the file, then in the tables.
    mutating func publish(isSigning: Bool) async throws {
        if let signed, signed.checkpoint.size == size, signed.checkpoint.root != tree.root { throw MerkleStop.logIsAnother(size: size) }
        var checkpoint = signed.flatMap { $0.checkpoint.size <= size && $0.checkpoint.size > published ? $0 : nil }
        if isSigning, size > signed?.checkpoint.size ?? 0, size > published {
            let next = try SignedCheckpoint(size: size, root: tree.root, by: signer)
            try await sign(next)
            checkpoint = next
        }
        let tiles = tree.takeChangedTiles()
        try await store(tiles, checkpoint)
        stored = size
        if let checkpoint { published = checkpoint.checkpoint.size }
    }

    /// From here on it counts as signed, whatever becomes of this process.
    private mutating func sign(_ next: SignedCheckpoint) async throws {
        let isMine = try await onOwnThread("audit-file") { [file, signed] in
            Result { () throws(AuditFileError) in try file.replace(signed, with: next) }
        }.stopping()
        guard isMine else { throw MerkleLeaseLost() }
        signed = next
    }

    private func store(_ tiles: [GrowingTree.ChangedTile], _ checkpoint: SignedCheckpoint?) async throws {
        var queries = [
            Query(.advanceTree, [.int8(lease.token), .int8(stored), .int8(size)]),
            Query(
                .storeTiles, [.int2s(tiles.map(\.tile.storedLevel)), .int8s(tiles.map(\.tile.index)), .byteas(tiles.map(\.hashes))]),
        ]
        if let checkpoint {
            queries.append(Query(.storeCheckpoint, [.int8(checkpoint.checkpoint.size), .text(checkpoint.note.description)]))
            queries.append(Query(.checkpointOfSize, [.int8(checkpoint.checkpoint.size)]))
        }
        try await pool.withTransaction { session in
            let results = try await session.pipelined(queries)
            guard results[0].count == 1 else { throw MerkleLeaseLost() }
            guard let checkpoint, let note = try results.last?.first?.get(0, as: String.self) else { return }
            guard SignedCheckpoint(note)?.checkpoint.root == checkpoint.checkpoint.root else {
                throw MerkleStop.logIsAnother(size: checkpoint.checkpoint.size)
            }
        }
    }

    private static func stopping<Value>(_ body: () async throws -> Value) async throws -> Value {
        do {
            return try await body()
        } catch {
            guard let damaged = error as? MerkleLog.Damaged else { throw error }
            throw MerkleStop.treeDamaged(reason: damaged.description)
        }
    }
}

extension Result where Failure == AuditFileError {
    fileprivate func stopping() throws(MerkleStop) -> Success {
        switch self {
        case .success(let value): return value
        case .failure(let error): throw .files(error)
        }
    }
}
