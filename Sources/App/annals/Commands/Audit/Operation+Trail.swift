import Audit
import EventLog
import EventSourcing
import Postgres

extension Operation {
    /// Reads the log as an auditor does, with the rights of a projector. In the opened form `body` also gets the means to open personal data.
    func readTrail(_ form: EventForm, _ body: @Sendable @escaping (AuditTrail, EventOpening?) async throws -> Void) async throws {
        do {
            try await readLog(form) { log in
                let opening: EventOpening? =
                    switch form {
                    case .opened: { try await log.open($0) }
                    case .stored: nil
                    }
                try await withPool("log", databases.log.acting(as: "annals_projector")) { pool in
                    try await body(AuditTrail(pool), opening)
                }
            }
        } catch let error as CanonicalFormError {
            throw Failure("the log is broken: \(error)")
        }
    }
}
