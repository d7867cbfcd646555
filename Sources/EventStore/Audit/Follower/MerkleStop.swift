/// Why the follower signs nothing any more: going on could only help to hide a change. It stays so until the process is started again.
package enum MerkleStop: Error, Equatable, CustomStringConvertible {
    /// The log ends before what was signed: it was restored to an older state, or events were removed.
    case logIsShorter(head: Int64, signed: Int64)
    /// The tree has another root at that size than a checkpoint that was signed: the log was restored and has grown differently, or was changed.
    case logIsAnother(size: Int64)
    /// The next event is not there, although later ones are.
    case gap(position: Int64)
    /// The event can't be written in canonical form.
    case unreadableEvent(position: Int64, reason: String)
    /// The tables of the tree are not as the follower left them.
    case treeDamaged(reason: String)
    /// The file beside the key is gone, or does not hold what it should.
    case files(AuditFileError)

    package var description: String {
        switch self {
        case .logIsShorter(let head, let signed):
            "the log ends at position \(head), but a checkpoint of \(signed) was signed: it was restored to an older state, or events were removed"
        case .logIsAnother(let size):
            "the log up to position \(size) is not the one that was signed: it was restored to an older state and has grown differently, "
                + "or was changed"
        case .gap(let position): "the event at position \(position) is missing, although later ones are there"
        case .unreadableEvent(let position, let reason): "the event at position \(position) has no canonical form: \(reason)"
        case .treeDamaged(let reason): "the tables of the Merkle tree are damaged: \(reason)"
        case .files(let error): "\(error)"
        }
    }
}

/// How the follower is doing.
package enum MerkleFollowerStatus: Sendable, Equatable {
    case starting
    /// Another process has the lease.
    case waiting
    /// It signs, and has signed up to this position.
    case following(signed: Int64)
    case stopped(MerkleStop)
}
