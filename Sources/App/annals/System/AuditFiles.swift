import Audit
import Logging

extension Settings {
    /// The file of the audit key.
    func auditKey(in directory: DataDirectory) -> AuditKeyFile { AuditKeyFile(auditKeyFile ?? "\(directory.path)/keys/audit.key") }

    /// The key that checkpoints are signed with, made on first use.
    func auditSigner(_ file: AuditKeyFile, logger: Logger) throws -> NoteSigner {
        try KeyFile(path: file.path).requirePrivacy(logger)
        do {
            return try file.open(origin: auditOrigin)
        } catch {
            throw Failure("\(error)")
        }
    }
}
