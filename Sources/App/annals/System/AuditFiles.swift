import Audit
import Glibc
import Logging
import Postgres

extension Settings {
    /// Where the audit key lies.
    func auditKey(in directory: DataDirectory) -> AuditKeyFile { AuditKeyFile(auditKeyFile ?? "\(directory.path)/keys/audit.key") }

    /// The key that checkpoints are signed with, made on first use, and the public halves of the keys before it. Refuses a key that can't have signed
    /// the newest checkpoint: two keys on one log would make each other's checkpoints false.
    func auditSigner(_ file: AuditKeyFile, newest: SignedCheckpoint?, logger: Logger) throws -> (signer: NoteSigner, retired: [NoteVerifier]) {
        try KeyFile(path: file.path).requirePrivacy(logger)
        do {
            let retired = try file.retired()
            if let newest, access(file.path, F_OK) != 0, !retired.contains(where: newest.isSigned) {
                throw Failure("the audit key \(file.path) is missing, and \(newest.checkpoint.origin) has signed this log: put the key back")
            }
            let signer = try file.open(origin: auditOrigin)
            try newest?.confirmSigned(by: signer.verifier, after: retired)
            return (signer, retired)
        } catch let failure as Failure {
            throw failure
        } catch {
            throw Failure("the audit key \(file.path) can't sign this log: \(error)")
        }
    }

    /// The newest checkpoint of the log; nil when there is none, or none that can be read, which the follower finds out, too.
    func newestCheckpoint(_ databases: Databases, logger: Logger) async throws -> SignedCheckpoint? {
        try await ConnectionPool.withPool(databases.log.acting(as: "annals_projector"), logger: logger) { pool in
            do { return try await MerkleLog(pool).checkpoint() } catch is MerkleLog.Damaged { return nil }
        }
    }
}
