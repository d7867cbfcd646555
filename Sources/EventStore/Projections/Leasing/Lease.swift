import Synchronization

/// A read model's lease as its holder has it, and the progress made under it: what holds until the read database tells otherwise.
final class Lease: Sendable {
    /// Goes up with every change of hands; each write names it.
    let token: Int64
    private let committed = Atomic<Int64>(0)
    private let reasons: AsyncStream<CheckpointMoved>
    private let reason: AsyncStream<CheckpointMoved>.Continuation

    init(token: Int64) {
        self.token = token
        (reasons, reason) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(1))
    }

    /// The last position that is known to be committed; 0 before the checkpoint was read.
    var position: Int64 { committed.load(ordering: .acquiring) }

    /// The checkpoint was found there, or a batch was committed.
    func moved(to position: Int64) { committed.store(position, ordering: .releasing) }

    /// Tells the projector that works under it that it is over.
    func end(because moved: CheckpointMoved) {
        reason.yield(moved)
        reason.finish()
    }

    /// Throws `CheckpointMoved` once it is over, or `CancellationError`.
    func untilOver() async throws {
        for await moved in reasons { throw moved }
        try Task.checkCancellation()
    }
}

/// A checkpoint is not where its projector has left it, or not under its lease: somebody has taken that, a rebuild has put other tables there, an
/// operator has freed parked streams, or the server has lost its last commits in a crash.
struct CheckpointMoved: Error, CustomStringConvertible {
    struct Place: Equatable {
        let position: Int64
        let token: Int64
    }

    /// Nil when there is no checkpoint any more.
    let found: Place?
    let left: Place

    var description: String {
        let found = found.map { "at \($0.position) under lease \($0.token)" } ?? "gone"
        return "the checkpoint is \(found), and was left at \(left.position) under lease \(left.token)"
    }
}
