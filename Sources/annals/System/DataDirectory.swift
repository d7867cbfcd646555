import AuthService
import FoundationEssentials
import Glibc
import Vault

/// The folder that keeps what a single installation must not lose: keys, and the private PostgreSQL.
struct DataDirectory: Sendable {
    let path: String

    /// Makes the folder when it is not there, for its owner only.
    static func open(_ path: String) throws -> DataDirectory {
        let absolute = path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
        do {
            try makePrivateFolder(absolute)
            try makePrivateFolder(absolute + "/keys")
        } catch {
            throw Failure("the data folder \(path) can't be written to")
        }
        guard access(absolute, W_OK | X_OK) == 0, access(absolute + "/keys", W_OK | X_OK) == 0 else { throw Failure("the data folder \(path) can't be written to") }
        return DataDirectory(path: absolute)
    }

    var postgres: String { path + "/postgres" }

    /// The secret in a key file: 64 hexadecimal digits, made on first use, readable by its owner only.
    func secret(_ name: String) throws -> String {
        let file = "\(path)/keys/\(name)"
        let descriptor = Glibc.open(file, O_CREAT | O_EXCL | O_WRONLY, 0o600)
        guard descriptor >= 0 else {
            guard errno == EEXIST else { throw Failure("the key file \(file) can't be made: \(String(cString: strerror(errno)))") }
            return try Self.read(file)
        }
        defer { close(descriptor) }
        let secret = Array((MasterKey.generate() + "\n").utf8)
        guard write(descriptor, secret, secret.count) == secret.count, fsync(descriptor) == 0 else {
            unlink(file)
            throw Failure("the key file \(file) can't be written")
        }
        return try Self.read(file)
    }

    /// A secret from a file that its owner keeps elsewhere.
    static func read(_ file: String) throws -> String {
        guard let data = FileManager.default.contents(atPath: file) else { throw Failure("the key file \(file) can't be read") }
        return String(decoding: data, as: UTF8.self)
    }

    private static func makePrivateFolder(_ path: String) throws {
        // The PostgreSQL server of root's installation runs as another user, who must be able to pass through.
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: path.hasSuffix("/keys") ? 0o700 : 0o711])
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
            wrap: { [masterKey] in try masterKey.wrap($0, for: "signing-key") }, unwrap: { [masterKey] in try masterKey.unwrap($0, for: "signing-key") })
    }

    static func load(_ settings: Settings, from directory: DataDirectory) throws -> Secrets {
        let text = if let file = settings.masterKeyFile { try DataDirectory.read(file) } else { try directory.secret("master.key") }
        guard let masterKey = MasterKey(hexadecimal: text) else { throw Failure("the master key is not 64 hexadecimal digits") }
        return Secrets(masterKey: masterKey, serviceKey: Array(try directory.secret("service.key").utf8.prefix(64)))
    }
}
