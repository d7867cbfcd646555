import AuthService
import FoundationEssentials
import Glibc
import Logging
import Postgres
import Vault

/// The folder that keeps what a single installation must not lose: keys, and the private PostgreSQL.
struct DataDirectory: Sendable {
    let path: String

    /// The folder of a system that was started before.
    static func existing(_ path: String) throws -> DataDirectory {
        let absolute = path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
        guard access(absolute + "/keys", X_OK) == 0 else { throw Failure("there is no data folder at \(path); annals up makes one") }
        try requireOwner(absolute)
        return DataDirectory(path: absolute)
    }

    /// Makes the folder when it is not there, for its owner only.
    static func open(_ path: String) throws -> DataDirectory {
        let absolute = path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
        do {
            try makePrivateFolder(absolute)
            try makePrivateFolder(absolute + "/keys")
        } catch {
            throw Failure("the data folder \(path) can't be written to")
        }
        guard access(absolute, W_OK | X_OK) == 0, access(absolute + "/keys", W_OK | X_OK) == 0 else {
            throw Failure("the data folder \(path) can't be written to")
        }
        try requireOwner(absolute)
        return DataDirectory(path: absolute)
    }

    /// Refuses a folder in which another user could put other keys: one that is theirs, or open to everybody. Root may own it: volumes are often made
    /// so.
    private static func requireOwner(_ path: String) throws {
        for folder in [path, path + "/keys"] {
            var status = stat()
            guard stat(folder, &status) == 0 else { continue }
            guard [0, geteuid()].contains(status.st_uid) else {
                throw Failure(
                    "the folder \(folder) belongs to another user (id \(status.st_uid)): run this as that user, or give it to this one with chown")
            }
            guard status.st_mode & 0o002 == 0 else {
                throw Failure("every user of this machine may change the folder \(folder): chmod o-w \(folder)")
            }
        }
    }

    var postgres: String { path + "/postgres" }

    /// Refuses a folder of keys that everybody may look into: whoever opened it may have opened the keys.
    func requirePrivateKeys(_ logger: Logger) throws { try KeyFile(path: path + "/keys").requirePrivacy(logger) }

    /// The secret in a key file: 64 hexadecimal digits, readable by its owner only.
    /// - Parameter isMade: makes it when it is not there. Not beside databases that know an earlier one: another would be of no use, and hide that
    ///   one is lost.
    func secret(_ name: String, isMade: Bool, logger: Logger) throws -> String {
        let file = "\(path)/keys/\(name)"
        if access(file, F_OK) != 0 {
            guard isMade else { throw Failure("the key file \(file) is missing, and the databases were made with it: put it back") }
            try make(file)
        }
        return try KeyFile(path: file).read(logger)
    }

    /// Makes a key file whole or not at all: a key that is lost after something was sealed with it takes that with it.
    private func make(_ file: String) throws {
        let unfinished = "\(file).\(getpid())"
        let descriptor = Glibc.open(unfinished, O_CREAT | O_EXCL | O_WRONLY, 0o600)
        guard descriptor >= 0 else { throw Failure("the key file \(file) can't be made: \(String(cString: strerror(errno)))") }
        defer { unlink(unfinished) }
        let secret = Array((MasterKey.generate() + "\n").utf8)
        let isWritten = write(descriptor, secret, secret.count) == secret.count && fsync(descriptor) == 0
        close(descriptor)
        // A link never replaces: of two first starts, one makes the key and both read it.
        guard isWritten, link(unfinished, file) == 0 || errno == EEXIST else { throw Failure("the key file \(file) can't be written") }
        let folder = Glibc.open("\(path)/keys", O_RDONLY | O_DIRECTORY)
        guard folder >= 0, fsync(folder) == 0 else { throw Failure("the folder \(path)/keys can't be written") }
        close(folder)
    }

    private static func makePrivateFolder(_ path: String) throws {
        // The PostgreSQL server of root's installation runs as another user, who must be able to pass through.
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: path.hasSuffix("/keys") ? 0o700 : 0o711])
    }
}

/// The keys that this process holds.
struct Secrets: Sendable {
    let masterKey: MasterKey
    /// What services trust each other by: 32 bytes.
    let serviceKey: [UInt8]

    /// Locks the keys that tokens are signed with.
    var wrapping: KeyWrapping {
        KeyWrapping(
            wrap: { [masterKey] in try masterKey.wrap($0, for: "signing-key") },
            unwrap: { [masterKey] in try masterKey.unwrap($0, for: "signing-key") })
    }

    /// For a system that starts: keys that its databases do not know yet are made. Refuses keys that are others than the databases know.
    static func load(_ settings: Settings, from directory: DataDirectory, for databases: Databases, logger: Logger) async throws -> Secrets {
        try await ConnectionPool.withPool(databases.vault.acting(as: "annals_commands"), logger: logger) { pool in
            let known = try await KnownKeys.read(pool)
            let secrets = try load(settings, from: directory, makesMaster: known.isEmpty, makesService: !known.contains(.service), logger: logger)
            do {
                guard try await KnownKeys.confirm(.service, secrets.serviceKey, masterKey: secrets.masterKey, pool) else {
                    throw Failure(
                        "the key file \(directory.path)/keys/service.key is not the one that the databases were made with: every process on them needs the same"
                    )
                }
            } catch let error as VaultError {
                throw Failure("\(error)")
            }
            return secrets
        }
    }

    /// For a command beside a system that was started: no key is made.
    static func load(_ settings: Settings, from directory: DataDirectory, logger: Logger) throws -> Secrets {
        try load(settings, from: directory, makesMaster: false, makesService: false, logger: logger)
    }

    private static func load(
        _ settings: Settings, from directory: DataDirectory, makesMaster: Bool, makesService: Bool, logger: Logger
    ) throws -> Secrets {
        let text =
            if let key = settings.masterKey { key } else if let file = settings.masterKeyFile { try KeyFile(path: file).read(logger) } else {
                try directory.secret("master.key", isMade: makesMaster, logger: logger)
            }
        guard let masterKey = MasterKey(hexadecimal: text) else { throw Failure("the master key is not 64 hexadecimal digits") }
        return Secrets(
            masterKey: masterKey, serviceKey: Array(try directory.secret("service.key", isMade: makesService, logger: logger).utf8.prefix(64)))
    }
}
