import Audit
import AuthService
import Crypto
import Logging
import Postgres
import Vault

/// The keys at a start: read where they are, made where the databases know none yet, and refused where these know others.
///
/// A key that was lost or forgotten beside its databases must not be replaced in silence. A new master key would open nothing, a new service key
/// would cut off the processes beside this one, and two audit keys would contradict each other.
struct InstallationKeys: Sendable {
    let settings: Settings
    let directory: DataDirectory
    let databases: Databases
    /// Whether a service key that is lost may be replaced.
    let isReplacingServiceKey: Bool
    let logger: Logger

    /// Throws a `Failure` that names the file.
    func settle() async throws -> (secrets: Secrets, audit: NoteSigner) {
        try await databases.withPool("vault", databases.vault.acting(as: "annals_commands"), logger: logger) { vault in
            let known = KnownKeys(vault)
            let masterKey = try await masterKey(vault, known)
            let serviceKey = try await serviceKey(known)
            return (Secrets(masterKey: masterKey, serviceKey: serviceKey), try await auditKey(known))
        }
    }

    // MARK: The master key

    private func masterKey(_ vault: ConnectionPool, _ known: KnownKeys) async throws -> MasterKey {
        let file = settings.masterKeyFile(in: directory)
        let isInVault = try await known.needsMasterKey()
        return try await databases.withPool("identity", databases.identity.acting(as: "annals_auth"), logger: logger) { identity in
            if let file, file.isMissing {
                guard settings.masterKeyFile == nil else { throw Failure("the key file \(file.path) is missing") }
                let hasSigningKey = try await identity.query(.hasSigningKey).count > 0
                guard !isInVault, !hasSigningKey else {
                    throw Failure(
                        "the key file \(file.path) is missing, and no other key opens what these databases hold: "
                            + "put it back from its backup, or copy it from the data folder of another process on them")
                }
            }
            if !isInVault, try await logHasEvents() {
                throw Failure("the log has events, and the vault at \(databases.vault.redacted) is new: it is not the one that belongs to this log")
            }
            if let file, file.isMissing { try file.create() }
            let key = try settings.masterKey(in: directory, logger: logger)
            let name = file?.path ?? "ANNALS_MASTER_KEY"
            do {
                _ = try await SystemHasher.open(vault, masterKey: key)
                _ = try await SigningKeys(identity: identity, wrapping: KeyWrapping(key)).published()
            } catch VaultError.unusableMasterKey {
                throw Failure("the master key in \(name) does not open what is in the vault at \(databases.vault.redacted): put the right one back")
            } catch SigningKeys.Failure.wrongMasterKey {
                throw Failure("the master key in \(name) does not open the signing keys at \(databases.identity.redacted): put the right one back")
            }
            return key
        }
    }

    private func logHasEvents() async throws -> Bool {
        try await databases.withPool("log", databases.log.acting(as: "annals_commands"), logger: logger) { log in
            try await log.query(.hasEvents).count > 0
        }
    }

    // MARK: The service key

    private func serviceKey(_ known: KnownKeys) async throws -> [UInt8] {
        let file = directory.key("service.key")
        let former = try await known.key("service")
        if file.isMissing {
            guard former == nil || isReplacingServiceKey else {
                throw Failure(
                    "the key file \(file.path) is missing, and processes on these databases share one: put it back or copy it from another data "
                        + "folder. If it is lost, start once with --replace-service-key; list cursors given out before are refused then")
            }
            try file.create()
        }
        let key = Array(try file.read(logger).utf8.prefix(64))
        let digest = SHA256.hash(data: key).map { String(UInt16($0) + 0x100, radix: 16).dropFirst() }.joined()
        let replaced = isReplacingServiceKey ? [former].compactMap { $0 } : []
        guard try await known.note("service", digest, replacing: replaced) == digest else {
            throw Failure(
                "the key in \(file.path) is not the service key that these databases know: processes on the same databases share it, so copy it from "
                    + "the other data folder")
        }
        return key
    }

    // MARK: The audit key

    private func auditKey(_ known: KnownKeys) async throws -> NoteSigner {
        let file = settings.auditKey(in: directory)
        let retired = try Self.retired(beside: file)
        let former = try await known.key("audit").flatMap { NoteVerifier($0) }
        if KeyFile(path: file.path).isMissing, let former, !retired.contains(former) {
            throw Failure(
                "the key file \(file.path) is missing, and these databases know the audit key \(former.name): put it back, or copy it from another "
                    + "data folder. If it is lost, write \(former) into \(file.path).retired; the next start makes a new one")
        }
        let signer = try settings.auditSigner(file, logger: logger)
        let present = "\(signer.verifier)"
        guard try await known.note("audit", present, replacing: retired.map { "\($0)" }) == present, try await hasSignedLast(signer, retired) else {
            throw Failure(
                "the key in \(file.path) is not the audit key that these databases know: processes on the same databases share it, so copy it from "
                    + "the other data folder. A key that follows another names that one in \(file.path).retired")
        }
        return signer
    }

    /// Whether the newest checkpoint in the log is of this key or of one before it.
    private func hasSignedLast(_ signer: NoteSigner, _ retired: [NoteVerifier]) async throws -> Bool {
        try await databases.withPool("log", databases.log.acting(as: "annals_commands"), logger: logger) { log in
            guard let newest = try await MerkleLog(log).checkpoint() else { return true }
            return (retired + [signer.verifier]).contains { newest.isSigned(by: $0) }
        }
    }

    private static func retired(beside file: AuditKeyFile) throws -> [NoteVerifier] {
        do { return try file.retired() } catch { throw Failure("\(error)") }
    }
}

extension Statement {
    fileprivate static let hasEvents = Statement("has_events", "SELECT FROM log.events LIMIT 1")
    fileprivate static let hasSigningKey = Statement("has_signing_key", "SELECT FROM identity.signing_keys LIMIT 1")
}

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
