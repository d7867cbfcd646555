import FoundationEssentials
import Glibc
import PrivatePostgres

/// The keys that go into a backup: they open nothing in it, and a start without them takes a flag.
enum PlainKeys {
    private static let names = ["services", "services.pub", "cursors.key"]

    /// Copies those that are there from the `keys` of one folder into that of another, for the owner alone.
    static func copy(from source: String, to target: String) throws(BackupError) {
        do {
            try makeFolder("\(target)/keys")
            for name in names where access("\(source)/keys/\(name)", F_OK) == 0 {
                try copyKey("\(source)/keys/\(name)", to: "\(target)/keys/\(name)")
            }
        } catch {
            throw BackupError("the keys of \(source) can't be copied: \(error)")
        }
    }

    private static func copyKey(_ source: String, to target: String) throws {
        var isFolder = stat()
        guard stat(source, &isFolder) == 0, isFolder.st_mode & S_IFMT == S_IFDIR else { return try SecretKeys.copyFile(source, to: target) }
        try makeFolder(target)
        for name in try FileManager.default.contentsOfDirectory(atPath: source) where !name.contains(".key.") {
            try SecretKeys.copyFile("\(source)/\(name)", to: "\(target)/\(name)")
        }
    }

    private static func makeFolder(_ path: String) throws {
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw Failure("\(path) can't be made: \(String(cString: strerror(errno)))") }
    }
}

/// The keys that are kept apart from backups: the one that opens everything in them, and the one that signs in the log's name.
struct SecretKeys {
    private static let names = ["master.key", "audit.key", "audit.key.checkpoint", "audit.key.retired"]

    /// Where copies of them are; nil when the settings name all of them.
    let folder: String?

    /// Throws a `Failure` unless the keys are there, each closed to all others, before anything is restored.
    func require(_ settings: Settings, _ check: (KeyFile) throws -> Void) throws {
        let named: [(name: String, isSet: Bool)] = [
            ("master.key", settings.masterKey != nil || settings.masterKeyFile != nil), ("audit.key", settings.auditKeyFile != nil),
        ]
        for (name, isSet) in named where !isSet {
            guard let folder else {
                throw Failure("no backup has \(name): name the folder where you keep it by --keys", code: .wrongUse)
            }
            guard access("\(folder)/\(name)", F_OK) == 0 else { throw Failure("there is no \(name) in \(folder)") }
        }
        for name in Self.names { if let folder { try check(KeyFile(path: "\(folder)/\(name)")) } }
    }

    /// Copies those that are there into the `keys` of a folder.
    func copy(to target: String) throws {
        guard let folder else { return }
        for name in Self.names where access("\(folder)/\(name)", F_OK) == 0 { try Self.copyFile("\(folder)/\(name)", to: "\(target)/keys/\(name)") }
    }

    static func copyFile(_ source: String, to target: String) throws {
        guard let data = FileManager.default.contents(atPath: source) else { throw Failure("\(source) can't be read") }
        guard FileManager.default.createFile(atPath: target, contents: data, attributes: [.posixPermissions: 0o600]) else {
            throw Failure("\(target) can't be written: \(String(cString: strerror(errno)))")
        }
    }
}
