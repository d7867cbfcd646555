import AccessTokens
import Audit
import AuthService
import Crypto
import Logging
import Postgres
import PublishingAPI
import Vault

/// The keys at a start: read where they are, made where the databases know none yet, and refused where these know others.
///
/// A key that was lost or forgotten beside its databases must not be replaced in silence. A new master key would open nothing, a new service key
/// would cut off the processes beside this one, and two audit keys would contradict each other.
struct InstallationKeys: Sendable {
    let files: KeyFiles
    let databases: Databases
    /// Whether service keys, and the key of list cursors, may be replaced if they are lost.
    let isReplacing: Bool

    private var logger: Logger { files.logger }

    /// Throws a `Failure` that names the file.
    func settle() async throws {
        try await databases.withPool("vault", databases.vault.acting(as: "annals_commands"), logger: logger) { vault in
            let known = KnownKeys(vault)
            try await settleMasterKey(vault, known)
            try await settleServiceKeys(known)
            try await settleAuditKey(known)
        }
    }

    // MARK: The master key

    private func settleMasterKey(_ vault: ConnectionPool, _ known: KnownKeys) async throws {
        let file = files.masterKeyFile
        let isInVault = try await known.needsMasterKey()
        try await databases.withPool("identity", databases.identity.acting(as: "annals_auth"), logger: logger) { identity in
            if let file, file.isMissing {
                guard files.settings.masterKeyFile == nil else { throw Failure("the key file \(file.path) is missing") }
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
            let key = try files.masterKey()
            let name = file?.path ?? "ANNALS_MASTER_KEY"
            do {
                _ = try await SystemHasher.open(vault, masterKey: key)
                _ = try await SigningKeys(identity: identity, wrapping: KeyWrapping(key)).published()
            } catch VaultError.unusableMasterKey {
                throw Failure("the master key in \(name) does not open what is in the vault at \(databases.vault.redacted): put the right one back")
            } catch SigningKeys.Failure.wrongMasterKey {
                throw Failure("the master key in \(name) does not open the signing keys at \(databases.identity.redacted): put the right one back")
            }
        }
    }

    private func logHasEvents() async throws -> Bool {
        try await databases.withPool("log", databases.log.acting(as: "annals_commands"), logger: logger) { log in
            try await log.query(.hasEvents).count > 0
        }
    }

    // MARK: The keys of the services

    /// A key that a file holds and the databases know by a public name.
    private struct SharedKey {
        let file: KeyFile
        let name: String
        /// The name that the databases know the key by. It tells nothing about the key.
        let publicName: ([UInt8]) throws -> String
    }

    private var sharedKeys: [SharedKey] {
        ServiceName.allCases.map { name in
            SharedKey(file: files.identityFile(name), name: "service \(name.rawValue)") {
                Base64URL.encode(try ServiceIdentity(name, seed: $0).publicKey)
            }
        } + [SharedKey(file: files.cursorFile, name: "cursors") { Base64URL.encode(SHA256.hash(data: $0)) }]
    }

    private func settleServiceKeys(_ known: KnownKeys) async throws {
        try files.directory.makeFolder("keys/services")
        for key in sharedKeys { try await settle(key, known) }
        try files.services.write(try ServiceIdentities(files.identity).keys)
    }

    /// Makes a key where neither the file nor the databases have one. Refuses one that the databases don't know.
    private func settle(_ key: SharedKey, _ known: KnownKeys) async throws {
        let file = key.file
        let former = try await known.key(key.name)
        if file.isMissing {
            guard former == nil || isReplacing else { throw Failure(missing(file).line) }
            try file.create()
        }
        let present = try key.publicName(try file.readBytes(logger))
        guard try await known.note(key.name, present, replacing: isReplacing ? [former].compactMap { $0 } : []) == present else {
            throw Failure(other(file).line)
        }
    }

    private func missing(_ file: KeyFile) -> Finding {
        Finding(
            "keys", file.path, .broken, "the key file \(file.path) is missing, and these databases know the key",
            remedy: "put it back or copy it from another data folder. If it is lost, start once with --replace-service-key; list cursors given out "
                + "before are refused then, and the other processes need the new keys")
    }

    private func other(_ file: KeyFile) -> Finding {
        Finding(
            "keys", file.path, .broken, "the key in \(file.path) is not the one that these databases know",
            remedy: "processes on the same databases share it, so copy it from the other data folder")
    }

    /// The findings about the keys that the databases know. Makes none and notes none.
    func findings() async throws -> [Finding] {
        try await databases.withPool("vault", databases.vault.acting(as: "annals_commands"), logger: logger) { vault in
            let known = KnownKeys(vault)
            var findings: [Finding] = []
            for key in sharedKeys {
                guard let noted = try await known.key(key.name) else { continue }
                if key.file.isMissing {
                    findings.append(missing(key.file))
                } else if try key.publicName(try key.file.readBytes(logger)) != noted {
                    findings.append(other(key.file))
                }
            }
            if let file = files.masterKeyFile, file.isMissing, try await known.needsMasterKey() {
                findings.append(
                    Finding(
                        "keys", file.path, .broken, "the key file \(file.path) is missing, and no other key opens what these databases hold",
                        remedy: "put it back from its backup, or copy it from the data folder of another process on them"))
            } else {
                _ = try await SystemHasher.open(vault, masterKey: try files.masterKey())
            }
            if try await known.key("audit") != nil, KeyFile(path: files.auditFile.path).isMissing {
                findings.append(
                    Finding(
                        "keys", files.auditFile.path, .broken, "the audit key is missing, and these databases know it",
                        remedy: "put it back, or copy it from another data folder"))
            }
            return findings.isEmpty ? [Finding("keys", "vault", .fine, "all keys that the databases know are there")] : findings
        }
    }

    // MARK: The audit key

    private func settleAuditKey(_ known: KnownKeys) async throws {
        let file = files.auditFile
        let retired = try Self.retired(beside: file)
        let former = try await known.key("audit").flatMap { NoteVerifier($0) }
        if KeyFile(path: file.path).isMissing, let former, !retired.contains(former) {
            throw Failure(
                "the key file \(file.path) is missing, and these databases know the audit key \(former.name): put it back, or copy it from another "
                    + "data folder. If it is lost, write \(former) into \(file.path).retired; the next start makes a new one")
        }
        let signer = try openAuditKey(file)
        let present = "\(signer.verifier)"
        guard try await known.note("audit", present, replacing: retired.map { "\($0)" }) == present, try await hasSignedLast(signer, retired) else {
            throw Failure(
                "the key in \(file.path) is not the audit key that these databases know: processes on the same databases share it, so copy it from "
                    + "the other data folder. A key that follows another names that one in \(file.path).retired")
        }
    }

    /// The key that checkpoints are signed with, made on first use.
    private func openAuditKey(_ file: AuditKeyFile) throws -> NoteSigner {
        try KeyFile(path: file.path).requirePrivacy(logger)
        do {
            return try file.open(origin: files.settings.auditOrigin)
        } catch {
            throw Failure("\(error)")
        }
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
