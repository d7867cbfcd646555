import CoreMetrics
import EventSourcing

/// The metrics of appends: how many go together, how long the log takes for them, and what becomes of each.
struct AppendMetrics: Sendable {
    private let requests = Recorder(label: "annals_append_batch_requests", aggregate: true)
    private let duration = Timer(label: "annals_append_duration_seconds")
    private let appended = outcome("appended")
    private let repeated = outcome("repeated")
    private let conflict = outcome("conflict")
    private let claimTaken = outcome("claim_taken")
    private let claimMissing = outcome("claim_missing")

    private static func outcome(_ name: String) -> Counter { Counter(label: "annals_append_outcomes_total", dimensions: [("outcome", name)]) }

    /// A batch was answered.
    func record(_ outcomes: [AppendOutcome], after time: Duration) {
        requests.record(outcomes.count)
        let (seconds, attoseconds) = time.components
        duration.recordNanoseconds(seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
        for outcome in outcomes {
            switch outcome {
            case .appended: appended.increment()
            case .alreadyAppended: repeated.increment()
            case .conflict: conflict.increment()
            case .claimTaken: claimTaken.increment()
            case .claimMissing: claimMissing.increment()
            }
        }
    }
}
