import Audit
import AuthService
import Crypto
import FoundationEssentials
import Glibc
import Logging
import Vault

/// The keys that this process holds.
struct Secrets: Sendable {
    let masterKey: MasterKey
    /// 64 hexadecimal digits as they stand in the file. Services trust each other by it.
    let serviceKey: [UInt8]

    /// Locks the keys that tokens are signed with.
    var wrapping: KeyWrapping { KeyWrapping(masterKey) }

    /// The keys of a system that was started before; makes none.
    static func read(_ settings: Settings, from directory: DataDirectory, logger: Logger) throws -> Secrets {
        Secrets(
            masterKey: try settings.masterKey(in: directory, logger: logger),
            serviceKey: Array(try directory.key("service.key").read(logger).utf8.prefix(64)))
    }
}

extension Settings {
    /// The file of the master key; nil when the key itself is set.
    func masterKeyFile(in directory: DataDirectory) -> KeyFile? {
        masterKey == nil ? masterKeyFile.map(KeyFile.init) ?? directory.key("master.key") : nil
    }

    func masterKey(in directory: DataDirectory, logger: Logger) throws -> MasterKey {
        guard let text = try masterKeyFile(in: directory)?.read(logger) ?? masterKey, let key = MasterKey(hexadecimal: text) else {
            throw Failure("the master key is not 64 hexadecimal digits")
        }
        return key
    }
}

extension KeyWrapping {
    init(_ masterKey: MasterKey) {
        self.init(wrap: { try masterKey.wrap($0, for: "signing-key") }, unwrap: { try masterKey.unwrap($0, for: "signing-key") })
    }
}

/// A key file, or a folder of them. It is refused while everybody on the machine can read it, because somebody may know the key already.
struct KeyFile: Sendable {
    let path: String

    var isMissing: Bool { access(path, F_OK) != 0 && errno == ENOENT }

    /// The secret in it: 64 hexadecimal digits.
    func read(_ logger: Logger) throws -> String {
        // By its descriptor, so that the file that is checked is the file that is read.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Failure("the key file \(path) can't be read: \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw Failure("the key file \(path) can't be read") }
        try requirePrivacy(of: status, remedy: "chmod 600", logger)
        // Longer than any key.
        var bytes = [UInt8](repeating: 0, count: 128)
        let count = Glibc.read(descriptor, &bytes, bytes.count)
        guard count >= 0 else { throw Failure("the key file \(path) can't be read") }
        let text = String(decoding: bytes.prefix(count), as: UTF8.self)
        guard MasterKey(hexadecimal: text) != nil else { throw Failure("the key file \(path) does not hold 64 hexadecimal digits") }
        return text
    }

    /// Creates the file with a new secret, atomically. Never replaces a key, because sealed data would be lost with it.
    func create() throws {
        do {
            try AtomicFile(path).create(MasterKey.generate() + "\n")
        } catch {
            throw Failure("\(error)")
        }
    }

    /// Refuses what others than its owner and group may read, write or pass, and warns of what the group may: secrets mounted into containers belong
    /// to a group. Refuses what belongs to another account, which may do as it likes with it.
    func requirePrivacy(_ logger: Logger) throws {
        var status = stat()
        guard stat(path, &status) == 0 else { return }
        try requirePrivacy(of: status, remedy: status.st_mode & S_IFMT == S_IFDIR ? "chmod 700" : "chmod 600", logger)
    }

    private func requirePrivacy(of status: stat, remedy: String, _ logger: Logger) throws {
        try requireTrustedOwner(of: path, status)
        let mode = String(status.st_mode & 0o777, radix: 8)
        guard status.st_mode & 0o007 == 0 else {
            throw Failure("\(path) is open to every user of this machine (mode \(mode)), and keys are secret: \(remedy) \(path)")
        }
        if status.st_mode & 0o070 != 0 { logger.warning("a key is open to its file's group", metadata: ["path": "\(path)", "mode": "\(mode)"]) }
    }
}

/// Refuses a file or folder of another account's than this process's or root's: that account can change it at any time.
func requireTrustedOwner(of path: String, _ status: stat) throws {
    guard status.st_uid != geteuid(), status.st_uid != 0 else { return }
    let owner = getpwuid(status.st_uid).map { String(cString: $0.pointee.pw_name) } ?? "the user \(status.st_uid)"
    throw Failure("\(path) belongs to \(owner), who can change it at any time: run this as \(owner), or chown it")
}
