import AccessTokens
import Audit
import AuthService
import FoundationEssentials
import HTTPContract
import Logging
import PublishingAPI
import Vault

/// The keys of an installation as its files and settings hold them. It reads each when it is asked for, and makes none.
struct KeyFiles: Sendable {
    let settings: Settings
    let directory: DataDirectory
    let logger: Logger

    /// The file of the master key; nil when the key itself is set.
    var masterKeyFile: KeyFile? {
        settings.masterKey == nil ? settings.masterKeyFile.map(KeyFile.init) ?? directory.key("master.key") : nil
    }

    /// The key that wraps all others.
    func masterKey() throws -> MasterKey {
        guard let text = try masterKeyFile?.read(logger) ?? settings.masterKey, let key = MasterKey(hexadecimal: text) else {
            throw Failure("the master key is not 64 hexadecimal digits")
        }
        return key
    }

    /// The file of a service's private key.
    func identityFile(_ name: ServiceName) -> KeyFile { directory.key("services/\(name.rawValue).key") }

    /// The key that a service signs its calls with.
    func identity(_ name: ServiceName) throws -> ServiceIdentity { try ServiceIdentity(name, seed: identityFile(name).readBytes(logger)) }

    /// The file of all services' public keys, which every service may read.
    var services: PublicKeysFile { PublicKeysFile(path: directory.key("services.pub").path) }

    /// The file of the secret that list cursors are sealed with.
    var cursorFile: KeyFile { directory.key("cursors.key") }

    func cursorKey() throws -> CursorKey { CursorKey(bytes: try cursorFile.readBytes(logger)) }

    /// The file of the key that checkpoints of the log are signed with.
    var auditFile: AuditKeyFile { settings.auditKey(in: directory) }

    func auditSigner() throws -> NoteSigner {
        do { return try auditFile.read() } catch { throw Failure("\(error)") }
    }
}

/// The public keys of all services, a line each.
struct PublicKeysFile: Sendable {
    let path: String

    func read() throws -> ServiceKeys {
        guard let text = try text() else { throw Failure("the file \(path) is missing; \(CommandName.of("keys init")) makes it") }
        guard let keys = ServiceKeys(text: text) else { throw Failure("the file \(path) does not hold the services' public keys") }
        return keys
    }

    /// Writes these keys, unless they stand there.
    func write(_ keys: ServiceKeys) throws {
        guard try text() != keys.text else { return }
        do { try AtomicFile(path).replace(keys.text) } catch { throw Failure("\(error)") }
    }

    private func text() throws -> String? {
        do { return try AtomicFile(path).read() } catch { throw Failure("\(error)") }
    }
}

extension Settings {
    /// The file of the audit key.
    func auditKey(in directory: DataDirectory) -> AuditKeyFile { AuditKeyFile(auditKeyFile ?? directory.key("audit.key").path) }
}

extension KeyWrapping {
    init(_ masterKey: MasterKey) {
        self.init(wrap: { try masterKey.wrap($0, for: "signing-key") }, unwrap: { try masterKey.unwrap($0, for: "signing-key") })
    }
}
