import EventSourcing
import JSON
package import Postgres

/// The tree and the checkpoints that the follower has published, for reading.
package struct MerkleLog: Sendable {
    /// A part of the published tree is not in the tables, or not as it was. A reader can't mend that.
    package struct Damaged: Error, CustomStringConvertible {
        package let description: String
    }

    /// There is no checkpoint yet.
    package struct NothingSigned: Error, CustomStringConvertible {
        package let description = "nothing has been signed yet: the log is empty, or no follower has run"
    }

    let pool: ConnectionPool

    /// - Parameter pool: the log's database, with a right to SELECT on the Merkle tables.
    package init(_ pool: ConnectionPool) { self.pool = pool }

    /// The newest checkpoint; nil before the first.
    package func checkpoint() async throws -> SignedCheckpoint? {
        guard let note = try await query(.newestCheckpoint).first?.get(0, as: String.self) else { return nil }
        guard let checkpoint = SignedCheckpoint(note) else { throw Damaged(description: "the newest checkpoint is not one") }
        return checkpoint
    }

    /// The newest checkpoint. Throws `NothingSigned` before the first.
    package func newestCheckpoint() async throws -> SignedCheckpoint {
        guard let checkpoint = try await checkpoint() else { throw NothingSigned() }
        return checkpoint
    }

    /// The last position that a checkpoint covers; 0 before the first.
    package func coveredPosition() async throws -> Int64 { try await query(.newestCheckpointSize).first?.get(0) ?? 0 }

    /// The leaves whose hashes are in the tables: at least as many as the newest checkpoint covers.
    package func size() async throws -> Int64 { try await query(.treeSize).first?.get(0) ?? 0 }

    /// The tree's size and its largest checkpoint's.
    func sizes() async throws -> (tree: Int64, checkpoint: Int64) {
        guard let row = try await query(.treeSizes).first else { throw Damaged(description: "the tree has no size") }
        return (try row.get(0), try row.get(1))
    }

    /// The checkpoints of these sizes, smallest first: each size and note.
    func checkpoints(_ sizes: ClosedRange<Int64>) async throws -> [(size: Int64, note: String)] {
        try await query(.checkpointsBetween, [.int8(sizes.lowerBound), .int8(sizes.upperBound)]).map { (try $0.get(0), try $0.get(1)) }
    }

    /// The last position of the log.
    func head() async throws -> Int64 { try await query(.logHead).first?.get(0) ?? 0 }

    /// A tile as it is served (C2SP tlog-tiles): hashes one after the other, or entries each behind its length in two bytes. Nil when a tree of the
    /// newest checkpoint's size has no such tile yet.
    package func served(_ tile: Tile) async throws -> [UInt8]? {
        let covered = try await coveredPosition()
        let count =
            switch tile.level {
            case .entries: covered
            case .hashes(let level): Tile.count(of: level, in: covered)
            }
        // In this order: a caller may ask for an index that is too large to be multiplied.
        guard tile.index <= count >> 8, Int64(tile.width) <= count - tile.index << 8, let hashes = try await hashes(of: [tile])[tile] else {
            return nil
        }
        switch tile.level {
        case .entries: return (0..<tile.width).flatMap { [0, UInt8(MerkleHash.byteCount)] + hashes.hash(at: $0).bytes }
        case .hashes: return hashes
        }
    }

    /// The first `width` hashes of each of these tiles that are there.
    func hashes(of tiles: [Tile]) async throws -> [Tile: [UInt8]] {
        let found = try await stored(tiles)
        var hashes: [Tile: [UInt8]] = [:]
        for tile in tiles {
            guard let bytes = found[StoredPlace(level: tile.storedLevel, index: tile.index)], bytes.count >= tile.width * MerkleHash.byteCount else {
                continue
            }
            hashes[tile] = Array(bytes[..<(tile.width * MerkleHash.byteCount)])
        }
        return hashes
    }

    /// These tiles as far as they are stored, shorter ones too.
    func storedHashes(of tiles: [Tile]) async throws -> [Tile: [UInt8]] {
        let found = try await stored(tiles)
        return tiles.reduce(into: [:]) { $0[$1] = found[StoredPlace(level: $1.storedLevel, index: $1.index)] }
    }

    /// The first tile that holds more than the tree has leaves for; nil when none does.
    func surplus() async throws -> (size: Int64, description: String)? {
        guard let row = try await query(.surplusTile).first else { return nil }
        let (level, index, size): (Int16, Int64, Int64) = (try row.get(0), try row.get(1), try row.get(2))
        return (size, "the stored tile \(index) of level \(level) holds hashes of events beyond the tree's \(size)")
    }

    /// A proof that the event at a position is in the tree of a published checkpoint that covers it. It is tried on the event as the log has it now:
    /// throws `Damaged` when they do not fit, or the event is not there.
    package func proof(of position: Int64, against checkpoint: SignedCheckpoint) async throws -> EventProof {
        let size = checkpoint.checkpoint.size
        var prover = Prover(self, size: size)
        let proof = EventProof(index: position - 1, inclusion: try await prover.inclusion(of: position - 1), checkpoint: checkpoint)
        guard let entry = try await entry(at: position) else { throw Damaged(description: "position \(position): the event is missing") }
        guard proof.proves(entry: entry) else {
            throw Damaged(description: "position \(position): the event and the stored tiles do not lead to the root of the checkpoint of \(size)")
        }
        return proof
    }

    /// The SHA-256 of an event's canonical JSON as the log has it; nil when there is none at the position.
    private func entry(at position: Int64) async throws -> MerkleHash? {
        var entry: MerkleHash?
        var json = CanonicalJSON()
        do {
            try await AuditTrail(pool).pages(at: position...position) { page in
                try page.forEach { event in
                    json.removeAll()
                    try json.append(event)
                    entry = .sha256(json.bytes)
                }
            }
        } catch {
            guard let malformed = error as? CanonicalFormError else { throw error }
            throw Damaged(description: "position \(position): the event has no canonical form: \(malformed.reason)")
        }
        return entry
    }

    private func query(_ statement: Statement, _ values: [SQLValue] = []) async throws -> QueryResult {
        try await tellingAbsence { try await pool.query(statement, values) }
    }

    private func stored(_ tiles: [Tile]) async throws -> [StoredPlace: [UInt8]] {
        if tiles.isEmpty { return [:] }
        var found: [StoredPlace: [UInt8]] = [:]
        for row in try await query(.tiles, [.int2s(tiles.map(\.storedLevel)), .int8s(tiles.map(\.index))]) {
            found[StoredPlace(level: try row.get(0), index: try row.get(1))] = try row.get(2)
        }
        return found
    }

    private struct StoredPlace: Hashable {
        let level: Int16
        let index: Int64
    }
}

/// Makes a failure of the database an `EventStoreError`, which a service answers with 503.
func tellingAbsence<Value>(_ body: () async throws -> Value) async throws -> Value {
    do {
        return try await body()
    } catch let error as PostgresError {
        if error.isTransient || error.outcomeUnknown { throw EventStoreError.unavailable(reason: error.description) }
        guard case .server = error.kind else { throw error }
        throw EventStoreError.refused(statement: error.statementName ?? "a statement", reason: error.description)
    }
}
