import AuthService
import FoundationEssentials
import Glibc
import Logging
import Vault

/// The folder of what an installation must not lose: its keys, and the private PostgreSQL.
struct DataDirectory: Sendable {
    let path: String

    /// The folder of a system that has run before.
    static func existing(_ path: String) throws -> DataDirectory {
        let absolute = path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
        guard access(absolute + "/keys", X_OK) == 0 else { throw Failure("there is no data folder at \(path); \(CommandName.of("up")) makes one") }
        return DataDirectory(path: absolute)
    }

    /// Makes the folder, for its owner only, unless it is there.
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
        return DataDirectory(path: absolute)
    }

    var postgres: String { path + "/postgres" }

    /// Refuses a folder of keys that everybody may look into, since somebody may have.
    func requirePrivateKeys(_ logger: Logger) throws { try KeyFile(path: path + "/keys").requirePrivacy(logger) }

    /// The secret in a key file: 64 hexadecimal digits, made on first use, readable by its owner only.
    func secret(_ name: String, logger: Logger) throws -> String {
        let file = "\(path)/keys/\(name)"
        if access(file, F_OK) != 0 { try make(file) }
        return try KeyFile(path: file).read(logger)
    }

    /// Makes a key file whole or not at all. A key that is lost after something was sealed with it takes that with it.
    private func make(_ file: String) throws {
        let unfinished = "\(file).\(getpid())"
        let descriptor = Glibc.open(unfinished, O_CREAT | O_EXCL | O_WRONLY, 0o600)
        guard descriptor >= 0 else { throw Failure("the key file \(file) can't be made: \(String(cString: strerror(errno)))") }
        defer { unlink(unfinished) }
        let secret = Array((MasterKey.generate() + "\n").utf8)
        let isWritten = write(descriptor, secret, secret.count) == secret.count && fsync(descriptor) == 0
        close(descriptor)
        // A link never replaces a file: of two first starts, one makes the key and both read it.
        guard isWritten, link(unfinished, file) == 0 || errno == EEXIST else { throw Failure("the key file \(file) can't be written") }
        let folder = Glibc.open("\(path)/keys", O_RDONLY | O_DIRECTORY)
        guard folder >= 0, fsync(folder) == 0 else { throw Failure("the folder \(path)/keys can't be written") }
        close(folder)
    }

    private static func makePrivateFolder(_ path: String) throws {
        // Under root the PostgreSQL server runs as another user, who must be able to pass through.
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: path.hasSuffix("/keys") ? 0o700 : 0o711])
    }
}

/// The keys that this process holds.
struct Secrets: Sendable {
    let masterKey: MasterKey
    /// The key that services recognize each other by: 32 bytes.
    let serviceKey: [UInt8]

    /// Wraps the keys that tokens are signed with.
    var wrapping: KeyWrapping {
        KeyWrapping(
            wrap: { [masterKey] in try masterKey.wrap($0, for: "signing-key") },
            unwrap: { [masterKey] in try masterKey.unwrap($0, for: "signing-key") })
    }

    static func load(_ settings: Settings, from directory: DataDirectory, logger: Logger) throws -> Secrets {
        let text =
            if let key = settings.masterKey { key } else if let file = settings.masterKeyFile { try KeyFile(path: file).read(logger) } else {
                try directory.secret("master.key", logger: logger)
            }
        guard let masterKey = MasterKey(hexadecimal: text) else { throw Failure("the master key is not 64 hexadecimal digits") }
        return Secrets(masterKey: masterKey, serviceKey: Array(try directory.secret("service.key", logger: logger).utf8.prefix(64)))
    }
}
