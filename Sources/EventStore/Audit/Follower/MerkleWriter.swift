import EventSourcing
import JSON
import Logging
import Postgres

/// Grows the tree under one lease: reads events, stores tiles, signs and publishes checkpoints. Begins by comparing the tables with the checkpoint
/// that was signed last.
struct MerkleWriter {
    /// Events between two writes, when there are so many: 64 full tiles of level 0.
    private static let batch: Int64 = 16_384

    /// How far the last checkpoint has come.
    private enum Progress {
        /// All is in the tables: checkpoints up to this size, 0 when there are none.
        case published(through: Int64)
        /// It is in the file, and not yet in the tables.
        case signed(SignedCheckpoint)
    }

    private let pool: ConnectionPool
    private let signer: NoteSigner
    private let file: LastCheckpointFile
    private var tree: GrowingTree
    /// The entry of the last event in the tree; nil in an empty one.
    private var lastEntry: MerkleHash?
    private var tables: MerkleTables
    /// The checkpoint in the file.
    private(set) var signed: SignedCheckpoint?
    private var progress: Progress

    /// How many events are in the tree so far.
    var size: Int64 { tree.size }

    /// Takes up the tree where the last holder of the lease left it. Throws `MerkleStop` when the log, the tables and the last checkpoint do not fit
    /// together.
    /// - Parameter known: the checkpoint that this process has seen in the file before.
    init(
        _ pool: ConnectionPool, under lease: MerkleLease, signer: NoteSigner, file: LastCheckpointFile, after known: SignedCheckpoint? = nil,
        logger: Logger
    ) async throws {
        self.pool = pool
        self.signer = signer
        self.file = file
        let log = MerkleLog(pool)
        let edge = try await log.hashes(of: GrowingTree.unfinishedTiles(size: lease.size))
        guard let tree = GrowingTree(size: lease.size, { edge[$0] }) else {
            throw MerkleStop.treeDamaged(reason: "the last tiles of the tree of \(lease.size) are incomplete, or do not fit each other")
        }
        self.tree = tree
        tables = MerkleTables(pool, under: lease)
        if lease.size > 0 {
            let last = lease.size - 1
            let bundle = Tile(.entries, index: last >> 8, width: Int(last & 255) + 1)
            guard let entries = try await log.hashes(of: [bundle])[bundle] else {
                throw MerkleStop.treeDamaged(reason: "the last entries are incomplete")
            }
            lastEntry = entries.hash(at: bundle.width - 1)
        }
        let newest = try await Self.stopping { try await log.checkpoint() }
        progress = .published(through: newest?.checkpoint.size ?? 0)
        signed = try await onOwnThread("audit-file") { [file] in Result { () throws(AuditFileError) in try file.settled() } }.stopping()
        try await takeUp(newest, after: known, logger)
        try await confirm([signed, newest].compactMap { $0?.checkpoint }, log)
    }

    /// Compares the file's checkpoint with the tables.
    private mutating func takeUp(_ newest: SignedCheckpoint?, after known: SignedCheckpoint?, _ logger: Logger) async throws {
        if let known, known.checkpoint.size > signed?.checkpoint.size ?? 0 { throw MerkleStop.files(.gone(file.path, known)) }
        if let signed {
            guard signed.isSigned(by: signer.verifier) else {
                throw MerkleStop.files(.unusable(file.path, "the checkpoint in it is not signed by the audit key"))
            }
            if signed.checkpoint.size > tables.size {
                // Tiles are stored before they are signed, so nothing that this program does leaves them so.
                logger.critical(
                    "the tables hold less of the audit log than was signed: they were restored or changed, and are made again from the log",
                    metadata: ["stored": "\(tables.size)", "signed": "\(signed.checkpoint.size)"])
            }
            if signed.checkpoint.size > newest?.checkpoint.size ?? 0 { progress = .signed(signed) }
        } else if let newest, newest.isSigned(by: signer.verifier) {
            logger.warning(
                "there is no checkpoint beside the audit key: the newest one of the tables takes its place, whether or not it is the one signed last",
                metadata: ["file": "\(file.path)", "size": "\(newest.checkpoint.size)"])
            try await sign(newest)
            progress = .published(through: newest.checkpoint.size)
        }
    }

    /// A log restored to an older state is shorter than the last checkpoint, or has grown past it and is another.
    private func confirm(_ checkpoints: [Checkpoint], _ log: MerkleLog) async throws {
        let most = checkpoints.reduce(tables.size) { max($0, $1.size) }
        let head: Int64 = try await pool.query(.logHead).first?.get(0) ?? 0
        guard head >= most else { throw MerkleStop.logIsShorter(head: head, signed: most) }
        var prover = Prover(log, size: tables.size)
        for checkpoint in checkpoints where checkpoint.size <= tables.size {
            let root = try await Self.stopping { try await prover.root(at: checkpoint.size) }
            guard root == checkpoint.root else { throw MerkleStop.logIsAnother(size: checkpoint.size) }
        }
    }

    /// Takes in the log's events up to `head`, one batch at most, and never goes past a signed checkpoint without a look at it. Begins with the last
    /// event again: a log that was restored while this process ran has another one there, and may since have grown past it.
    mutating func extend(to head: Int64) async throws {
        var bound = head
        if let signed, signed.checkpoint.size > size { bound = min(bound, signed.checkpoint.size) }
        let last = min(bound, size + Self.batch)
        var place = LogPlace(size, lastEntry)
        guard last >= place.next else { return }
        var json = CanonicalJSON()
        do {
            try await AuditTrail(pool).pages(at: place.next...last) { page in
                try page.forEach { event in
                    json.removeAll()
                    try json.append(event)
                    let entry = MerkleHash.sha256(json.bytes)
                    guard try place.take(event.position, entry) else { return }
                    tree.append(entry: entry)
                    lastEntry = entry
                }
            }
            try place.confirm(through: last)
        } catch let error as CanonicalFormError {
            throw MerkleStop.unreadableEvent(position: size + 1, reason: error.reason)
        } catch EventStoreError.rewritten(let position) {
            throw MerkleStop.logIsAnother(size: position)
        } catch EventStoreError.broken {
            throw MerkleStop.gap(position: size + 1)
        }
    }

    /// Whether the tables lack something that is in the tree, or a checkpoint that covers it.
    var isBehind: Bool {
        switch progress {
        case .published(let last): tables.size < size || last < size
        case .signed(let checkpoint): tables.size < size || checkpoint.checkpoint.size <= size
        }
    }

    /// Stores the tree's new tiles and, if asked to, signs a checkpoint of it: after the tiles are in the tables, and before it is there itself.
    mutating func publish(isSigning: Bool) async throws {
        if let signed, signed.checkpoint.size == size, signed.checkpoint.root != tree.root { throw MerkleStop.logIsAnother(size: size) }
        if tables.size < size { try await tables.store(tree.takeChangedTiles(), of: size) }
        try await publishSigned()
        guard isSigning, case .published(let last) = progress, size > last else { return }
        try await sign(try SignedCheckpoint(size: size, root: tree.root, by: signer))
        try await publishSigned()
    }

    private mutating func publishSigned() async throws {
        guard case .signed(let checkpoint) = progress, checkpoint.checkpoint.size <= size else { return }
        try await tables.store(checkpoint)
        progress = .published(through: checkpoint.checkpoint.size)
    }

    /// From here on it counts as signed, even if this process dies.
    private mutating func sign(_ next: SignedCheckpoint) async throws {
        let isMine = try await onOwnThread("audit-file") { [file, signed] in
            Result { () throws(AuditFileError) in try file.replace(signed, with: next) }
        }.stopping()
        guard isMine else { throw MerkleLeaseLost() }
        signed = next
        progress = .signed(next)
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
    /// A file that says something else than it may ends the follower; one that can't be read or written is trouble that may pass.
    fileprivate func stopping() throws -> Success {
        switch self {
        case .success(let value): return value
        case .failure(.unavailable(let path, let reason)): throw AuditFileError.unavailable(path, reason)
        case .failure(let error): throw MerkleStop.files(error)
        }
    }
}
