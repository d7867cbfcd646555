import Postgres

/// The tables of the tree, as the holder of the lease writes them: each write is one transaction that names the lease's token and the size it goes on
/// from.
struct MerkleTables {
    private let pool: ConnectionPool
    private let lease: MerkleLease
    /// The size that they have.
    private(set) var size: Int64

    init(_ pool: ConnectionPool, under lease: MerkleLease) {
        self.pool = pool
        self.lease = lease
        size = lease.size
    }

    /// Stores the tiles that a tree of `next` leaves has anew. Throws `MerkleLeaseLost` when another holds the lease by now.
    mutating func store(_ tiles: [GrowingTree.ChangedTile], of next: Int64) async throws {
        let places: [SQLValue] = [.int2s(tiles.map(\.tile.storedLevel)), .int8s(tiles.map(\.tile.index)), .byteas(tiles.map(\.hashes))]
        _ = try await write([Query(.storeTiles, places)], to: next)
        size = next
    }

    /// Stores a checkpoint that was signed. Throws `MerkleStop.logIsAnother` when they have another of that size.
    func store(_ checkpoint: SignedCheckpoint) async throws {
        let signed = checkpoint.checkpoint
        let queries = [
            Query(.storeCheckpoint, [.int8(signed.size), .text(checkpoint.note.description)]), Query(.checkpointOfSize, [.int8(signed.size)]),
        ]
        let note: String? = try await write(queries, to: size).last?.first?.get(0)
        guard note.flatMap(SignedCheckpoint.init)?.checkpoint.root == signed.root else { throw MerkleStop.logIsAnother(size: signed.size) }
    }

    private func write(_ queries: [Query], to next: Int64) async throws -> [QueryResult] {
        let all = [Query(.advanceTree, [.int8(lease.token), .int8(size), .int8(next)])] + queries
        return try await pool.withTransaction { session in
            let results = try await session.pipelined(all)
            guard results[0].count == 1 else { throw MerkleLeaseLost() }
            return results
        }
    }
}
