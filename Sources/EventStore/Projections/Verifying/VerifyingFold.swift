import EventSourcing
import Postgres

/// A fold of the log that leaves out what the live tables lack: events that are parked or discarded there.
struct VerifyingFold {
    let model: String
    private var fold: LogFold
    /// Up to the fold's position.
    private var lacking: [ParkedEvent] = []
    private let pool: ConnectionPool

    init(_ fold: LogFold, of model: String, pool: ConnectionPool) {
        self.fold = fold
        self.model = model
        self.pool = pool
    }

    var position: Int64 { fold.offline.position }

    /// Goes on to a position that the live tables have reached. False when what they lack is not what was left out so far: somebody has retried or
    /// discarded events. Events that come to be parked behind this fold's position do no harm, however many there are.
    mutating func advance(to target: Int64, _ onChunk: @Sendable (Int64) -> Void = { _ in }) async throws -> Bool {
        let now = try await ParkedEvents.list(model, in: pool)
        guard now.filter({ $0.position <= position }).map(\.position) == lacking.map(\.position) else { return false }
        lacking = now.filter { $0.position <= target }
        fold.leaveOut(Set(lacking.map(\.position)))
        try await fold.advance(to: target) { onChunk($0) }
        return true
    }

    func report(_ comparison: TableComparison, head: Int64) -> VerificationReport {
        VerificationReport(
            model: model, position: position, lag: max(0, head - position), rows: comparison.rows, differences: comparison.differences,
            unappliable: fold.failures.map(\.description), parked: lacking.waitingStreams, discarded: lacking.discarded)
    }

    /// The report when so many streams can't be folded that nothing was compared.
    func report(givenUpAt last: String, head: Int64) -> VerificationReport {
        let reason = "more than 20 streams could not be folded, so nothing was compared"
        return VerificationReport(
            model: model, position: position, lag: max(0, head - position), rows: [:],
            differences: [RowDifference(table: model, key: "", kind: .table(reason))],
            unappliable: fold.failures.map(\.description) + [last], parked: lacking.waitingStreams, discarded: lacking.discarded)
    }
}

extension [ParkedEvent] {
    fileprivate var waitingStreams: [StreamName] {
        var streams: [StreamName] = []
        for event in self where event.state != .discarded && !streams.contains(event.stream) { streams.append(event.stream) }
        return streams
    }

    fileprivate var discarded: [Int64] { filter { $0.state == .discarded }.map(\.position) }
}
