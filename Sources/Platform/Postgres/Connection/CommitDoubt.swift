import CLibpq
import Synchronization

/// Hears a server's warning that it has stopped waiting for its standbys: the commit is on its own disk and perhaps on no other.
///
/// After that warning the server reports the commit as done. Whoever believes it loses the commit when a standby takes over.
final class CommitDoubt: Sendable {
    private let isRaised = Atomic(false)

    /// Takes over the notices of a connection, and must live as long as that. A program has no use for other notices; libpq would print them.
    init(of connection: OpaquePointer) {
        PQsetNoticeReceiver(
            connection,
            { doubt, notice in
                guard let doubt, let notice, CommitDoubt.isFromWaitForStandbys(notice) else { return }
                Unmanaged<CommitDoubt>.fromOpaque(doubt).takeUnretainedValue().isRaised.store(true, ordering: .relaxed)
            }, Unmanaged.passUnretained(self).toOpaque())
    }

    /// Whether the warning has come since this was last asked.
    func take() -> Bool { isRaised.exchange(false, ordering: .relaxed) }

    /// The warning has no SQLSTATE of its own, and its words come in the server's language. The function in the server that sends it has one name in
    /// all versions.
    private static func isFromWaitForStandbys(_ notice: OpaquePointer) -> Bool {
        PQresultErrorField(notice, PQ_DIAG_SOURCE_FUNCTION).map { String(cString: $0) == "SyncRepWaitForLSN" } ?? false
    }
}

extension PostgresError {
    /// Of a commit that the warning was about.
    static var unconfirmedCommit: PostgresError {
        PostgresError(
            .server(.warning), "the commit is on the primary's disk, and the wait for a standby was cancelled", outcomeUnknown: true,
            report: ServerReport(sqlState: .warning))
    }
}
