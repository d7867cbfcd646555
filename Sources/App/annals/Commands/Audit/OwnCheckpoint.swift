import Audit
import EventLog
import EventSourcing
import FoundationEssentials
import Postgres

/// The checkpoint in a file that somebody has kept.
func readCheckpoint(_ path: String) throws -> SignedCheckpoint {
    guard let text = keptText(path) else { throw Failure("\(path) can't be read", code: .wrongUse) }
    guard let checkpoint = SignedCheckpoint(text) else { throw Failure("\(path) does not hold a signed checkpoint", code: .wrongUse) }
    return checkpoint
}

/// The text of a file, or nil if it can't be read. Mail and browsers may have made its line ends CRLF.
func keptText(_ path: String) -> String? {
    FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self).replacing("\r\n", with: "\n") }
}

extension MerkleLog {
    /// Fails with exit code 3 unless the log's tree extends the one of a checkpoint.
    func confirmBeginning(_ checkpoint: Checkpoint) async throws {
        let size = try await size()
        guard checkpoint.size <= size else {
            throw Failure("the checkpoint is of \(checkpoint.size), but the log's tree has \(size) leaves", code: .difference)
        }
        var prover = Prover(self, size: size)
        guard try await prover.root(at: checkpoint.size) == checkpoint.root else {
            throw Failure("the log's tree of \(checkpoint.size) leaves has another root than the checkpoint", code: .difference)
        }
    }
}

extension Operation {
    /// Fails with exit code 3 unless the audit key or an earlier one signed the checkpoint. Without the key on this machine it checks nothing.
    func confirmSigned(_ checkpoint: SignedCheckpoint) throws {
        let file = settings.auditKey(in: directory)
        guard FileManager.default.fileExists(atPath: file.path) else { return }
        let keys: [NoteVerifier]
        do {
            keys = try [file.read().verifier] + file.retired()
        } catch {
            throw Failure("\(error)")
        }
        guard keys.contains(where: { checkpoint.isSigned(by: $0) }) else {
            throw Failure("the checkpoint of \(checkpoint.checkpoint.size) is not signed by the audit key", code: .difference)
        }
    }
}

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
