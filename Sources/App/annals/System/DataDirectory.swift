import FoundationEssentials
import Glibc
import Logging

/// The folder of what an installation must not lose: its keys, and the private PostgreSQL.
struct DataDirectory: Sendable {
    let path: String

    /// The folder of a system that has run before.
    static func existing(_ path: String) throws -> DataDirectory {
        let absolute = path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
        guard access(absolute + "/keys", F_OK) == 0 else {
            guard errno == ENOENT else { throw Failure("the data folder \(path) can't be entered: \(String(cString: strerror(errno)))") }
            throw Failure("there is no data folder at \(path); \(CommandName.of("up")) makes one")
        }
        try requireOwnership(absolute)
        return DataDirectory(path: absolute)
    }

    /// Makes the folder, for its owner only, unless it is there.
    static func open(_ path: String) throws -> DataDirectory {
        let absolute = path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
        // The PostgreSQL server of root's installation runs as another user, who must be able to pass through.
        try make(absolute, mode: 0o711)
        let directory = DataDirectory(path: absolute)
        try directory.makeFolder("keys")
        return directory
    }

    /// Makes a folder in it, for its owner only, unless it is there.
    func makeFolder(_ name: String) throws { try Self.make("\(path)/\(name)", mode: 0o700) }

    private static func make(_ folder: String, mode: Int) throws {
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: mode])
        } catch {
            throw Failure("the data folder \(folder) can't be written to: \(String(cString: strerror(errno)))")
        }
        try requireOwnership(folder)
        guard access(folder, W_OK | X_OK) == 0 else {
            throw Failure("the data folder \(folder) can't be written to: \(String(cString: strerror(errno)))")
        }
    }

    /// Refuses a folder that another account of the machine could change: it could put keys and databases of its own in the place of ours.
    private static func requireOwnership(_ path: String) throws {
        var status = stat()
        guard stat(path, &status) == 0 else { throw Failure("the data folder \(path) can't be looked at: \(String(cString: strerror(errno)))") }
        try requireTrustedOwner(of: path, status)
        guard status.st_mode & 0o002 == 0 else { throw Failure("every user of this machine may write to \(path): chmod o-w \(path)") }
    }

    var postgres: String { path + "/postgres" }

    /// Refuses a folder of keys that everybody may look into, since somebody may have. Kubernetes mounts secrets read-only, in a folder that it opens
    /// to everybody: there each key says by itself who may read it.
    func requirePrivateKeys(_ logger: Logger) throws {
        let keys = KeyFile(path: path + "/keys")
        var status = statvfs()
        if statvfs(keys.path, &status) == 0, status.f_flag & UInt(ST_RDONLY) != 0 { return }
        try keys.requirePrivacy(logger)
    }

    /// A file of the keys' folder.
    func key(_ name: String) -> KeyFile { KeyFile(path: "\(path)/keys/\(name)") }
}
