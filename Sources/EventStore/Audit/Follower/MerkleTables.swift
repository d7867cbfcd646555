import EventSourcing
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

/// The lease of the tree. Each write names its token, so only the present holder can write.
struct MerkleLease: Sendable {
    /// A third of the time that a lease lasts.
    private static let renewInterval = Duration.seconds(1)
    /// How often a follower that has to wait asks again.
    private static let askInterval = Duration.milliseconds(500)

    let token: Int64
    /// How many leaves the tree had when it was taken.
    let size: Int64

    /// Returns once nobody else holds it; `onWait` is called when somebody does.
    static func acquire(_ pool: ConnectionPool, as holder: String, onWait: () -> Void) async throws -> MerkleLease {
        while true {
            if let row = try await pool.query(.acquireMerkleLease, [.text(holder)]).first {
                return MerkleLease(token: try row.get(0), size: try row.get(1))
            }
            onWait()
            try await Task.sleep(for: askInterval * Double.random(in: 0.8...1.2))
        }
    }

    /// Shows signs of life until cancelled, or until the lease is another's.
    func keep(_ pool: ConnectionPool) async throws {
        while true {
            try await Task.sleep(for: Self.renewInterval)
            guard try await pool.query(.renewMerkleLease, [.int8(token)]).affectedRows == 1 else { throw MerkleLeaseLost() }
        }
    }
}

/// Another process has the lease or has signed since: the follower begins with the lease again.
struct MerkleLeaseLost: Error {}
