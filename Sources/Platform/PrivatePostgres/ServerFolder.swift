import FoundationEssentials
import Glibc

/// The server's folder, with `data/`, `socket/` and the lock in it.
struct ServerFolder: Sendable {
    /// Absolute, without symbolic links.
    let path: String

    var data: String { "\(path)/data" }
    /// initdb works here, and the folder gets its name when it is done: a kill on the way leaves no half database.
    var unfinishedData: String { "\(path)/data.new" }
    var log: String { "\(data)/server.log" }
    var lock: String { "\(path)/lock" }
    private var usualSocket: String { "\(path)/socket" }
    private var socketRecord: String { "\(path)/socket-folder" }

    /// Bytes that may still be written at a path.
    private let freeSpace: @Sendable (String) -> Int64

    /// The folder as it stands on disk; nil when there is none.
    init?(existing path: String, freeSpace: @escaping @Sendable (String) -> Int64 = Self.freeSpace) {
        guard let real = realpath(path, nil) else { return nil }
        defer { free(real) }
        self.path = String(cString: real)
        self.freeSpace = freeSpace
    }

    /// As the file system says; very much when it does not.
    @Sendable static func freeSpace(_ path: String) -> Int64 {
        var info = statvfs()
        guard statvfs(path, &info) == 0 else { return .max }
        return Int64(clamping: info.f_bavail).multipliedReportingOverflow(by: Int64(clamping: info.f_frsize)).partialValue
    }

    /// Makes the folder when it isn't there, for the owner alone.
    static func make(_ path: String, freeSpace: @escaping @Sendable (String) -> Int64) throws(PrivateServerError) -> ServerFolder {
        if access(path, F_OK) != 0 {
            do {
                try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            } catch {
                throw .folderUnwritable(path)
            }
        }
        guard let folder = ServerFolder(existing: path, freeSpace: freeSpace), access(folder.path, R_OK | W_OK | X_OK) == 0 else {
            throw .folderUnwritable(path)
        }
        var info = stat()
        // Root may run a server in a folder of the account that the server runs as.
        guard geteuid() == 0 || stat(folder.path, &info) == 0 && info.st_uid == geteuid() else { throw .foreignFolder(path) }
        return folder
    }

    /// Whether the disk has no room for one more segment of the server's write-ahead log.
    var isFull: Bool { freeSpace(path) < 16 << 20 }

    /// The major version that made the data; nil when there is none yet.
    var dataVersion: String? {
        guard let bytes = FileManager.default.contents(atPath: "\(data)/PG_VERSION") else { return nil }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").first.map(String.init)
    }

    /// The socket's folder. A socket's path has at most 107 bytes, so below a long path it is one in the folder for temporary files, whose
    /// random name is written down beside the data for other programs to find.
    func makeSocketFolder(port: Int) throws(PrivateServerError) -> String {
        if "\(usualSocket)/.s.PGSQL.\(port).lock".utf8.count <= 100 {
            guard mkdir(usualSocket, 0o700) == 0 || errno == EEXIST else { throw .folderUnwritable(usualSocket) }
            return usualSocket
        }
        if let recorded = recordedSocketFolder { return recorded }
        var template = Array("/tmp/annals-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw .folderUnwritable("/tmp") }
        let made = template.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" }
        do { try Data(made.utf8).write(to: URL(filePath: socketRecord)) } catch { throw .folderUnwritable(path) }
        return made
    }

    /// Removes a socket's folder that lies among the temporary files; the next start makes another.
    func removeSocketFolder(_ folder: String) {
        guard folder == recordedSocketFolder else { return }
        // Fails unless it is empty: files of others are not ours to delete.
        rmdir(folder)
        unlink(socketRecord)
    }

    /// Trusted only while it is a folder that nobody but its owner can enter.
    private var recordedSocketFolder: String? {
        guard let bytes = FileManager.default.contents(atPath: socketRecord) else { return nil }
        let path = String(decoding: bytes, as: UTF8.self)
        var info = stat()
        guard lstat(path, &info) == 0, info.st_mode & S_IFMT == S_IFDIR, info.st_mode & 0o077 == 0 else { return nil }
        return path
    }

    /// The last lines the server wrote.
    func logTail(lines: Int = 12) -> String {
        guard let bytes = FileManager.default.contents(atPath: log) else { return "it left no log" }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").suffix(lines).joined(separator: "\n")
    }
}
