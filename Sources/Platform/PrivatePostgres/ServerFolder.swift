import CLinuxIO
import FoundationEssentials
import Glibc

/// The server's folder, with `data/`, `socket/` and the lock in it.
struct ServerFolder {
    /// Absolute, without symbolic links.
    let path: String

    var data: String { "\(path)/data" }
    /// initdb works here, and the folder gets its name when it is done: a kill on the way leaves no half database.
    var unfinishedData: String { "\(path)/data.new" }
    var log: ServerLog { ServerLog(path: "\(data)/server.log") }
    var lock: String { "\(path)/lock" }
    /// The name of the folder that its WAL is archived in.
    var archiveRecord: String { "\(path)/archive" }
    private var usualSocket: String { "\(path)/socket" }
    private var socketRecord: String { "\(path)/socket-folder" }

    /// The folder as it stands on disk; nil when there is none.
    init?(existing path: String) {
        guard let real = realpath(path, nil) else { return nil }
        defer { free(real) }
        self.path = String(cString: real)
    }

    /// Makes the folder when it isn't there, for the owner alone.
    static func make(_ path: String) throws(PrivateServerError) -> ServerFolder {
        if access(path, F_OK) != 0 {
            do {
                try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            } catch {
                throw .unwritable(path)
            }
        }
        guard let folder = ServerFolder(existing: path), access(folder.path, R_OK | W_OK | X_OK) == 0 else { throw .folderUnwritable(path) }
        return folder
    }

    /// The major version that made the data; nil when there is none yet.
    var dataVersion: String? { firstLine(of: "\(data)/PG_VERSION") }

    /// The socket's folder. A socket's path has at most 107 bytes, so below a long path it is one in the folder for temporary files, whose
    /// random name is written down beside the data for other programs to find.
    func makeSocketFolder(port: Int) throws(PrivateServerError) -> String {
        if "\(usualSocket)/.s.PGSQL.\(port).lock".utf8.count <= 100 {
            guard mkdir(usualSocket, 0o700) == 0 || errno == EEXIST else { throw .unwritable(usualSocket) }
            return usualSocket
        }
        if let recorded = recordedSocketFolder { return recorded }
        var template = Array("/tmp/annals-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw .unwritable("/tmp") }
        let made = template.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" }
        try write(made, to: socketRecord)
        return made
    }

    /// Removes a socket's folder that lies among the temporary files; the next start makes another.
    func removeSocketFolder(_ folder: String) {
        guard folder == recordedSocketFolder else { return }
        // Fails unless it is empty: files of others are not ours to delete.
        rmdir(folder)
        unlink(socketRecord)
    }

    /// Trusted only while it is a folder that nobody but its owner can enter, and that is the owner of this folder, too.
    private var recordedSocketFolder: String? {
        guard let bytes = FileManager.default.contents(atPath: socketRecord) else { return nil }
        let recorded = String(decoding: bytes, as: UTF8.self)
        var info = stat()
        var own = stat()
        guard lstat(recorded, &info) == 0, info.st_mode & S_IFMT == S_IFDIR, info.st_mode & 0o077 == 0 else { return nil }
        guard stat(path, &own) == 0, info.st_uid == own.st_uid || info.st_uid == geteuid() else { return nil }
        return recorded
    }

    /// Writes a small file whole or not at all, unless it has that text already: a full disk keeps no server from starting again, nor leaves it half
    /// a file.
    func write(_ text: String, to path: String) throws(PrivateServerError) {
        let bytes = Array(text.utf8)
        if FileManager.default.contents(atPath: path).map(Array.init) == bytes { return }
        let unfinished = path + ".new"
        let descriptor = open(unfinished, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .unwritable(path) }
        defer { close(descriptor) }
        let count = Glibc.write(descriptor, bytes, bytes.count)
        guard count == bytes.count, rename(unfinished, path) == 0 else {
            // A disk that fills up takes a part first, and says so only when it is asked for the rest.
            let code = count >= 0 && count < bytes.count ? ENOSPC : errno
            unlink(unfinished)
            throw .unwritable(path, code)
        }
    }
}

/// Of a small file; nil when it has none or can't be read.
func firstLine(of path: String) -> String? {
    guard let bytes = FileManager.default.contents(atPath: path) else { return nil }
    return String(decoding: bytes, as: UTF8.self).split(separator: "\n").first.map(String.init)
}

/// The folder with `postgres` and `initdb`.
struct ServerBinaries {
    let folder: String

    var postgres: String { "\(folder)/postgres" }
    var initdb: String { "\(folder)/initdb" }

    /// Another program of the same version: beside the server, or beside the one that it is a link to.
    func program(_ name: String) -> String {
        let beside = "\(folder)/\(name)"
        guard access(beside, X_OK) != 0, let real = realpath(postgres, nil) else { return beside }
        defer { free(real) }
        let parts = String(cString: real).split(separator: "/").dropLast()
        return "/" + (parts + [Substring(name)]).joined(separator: "/")
    }

    /// Looks in `first`, in PATH, where `pg_config` points, and in Debian's folders, newest first. Data made by a version needs a server of that
    /// version.
    static func find(version: String?, first: String? = nil) throws(PrivateServerError) -> ServerBinaries {
        for folder in [first].compactMap(\.self) + candidates() where access("\(folder)/postgres", X_OK) == 0 && access("\(folder)/initdb", X_OK) == 0
        {
            let binaries = ServerBinaries(folder: folder)
            if version == nil || version == binaries.version() { return binaries }
        }
        throw .binariesMissing(wanted: version)
    }

    private static func candidates() -> [String] {
        let path = getenv("PATH").map { String(cString: $0).split(separator: ":").map(String.init) } ?? []
        let configured = Command(["pg_config", "--bindir"]).output().map { [$0] } ?? []
        return path + configured + debianFolders()
    }

    private static func debianFolders() -> [String] {
        let root = "/usr/lib/postgresql"
        guard let versions = try? FileManager.default.contentsOfDirectory(atPath: root) else { return [] }
        return versions.compactMap { Int($0) }.sorted(by: >).map { "\(root)/\($0)/bin" }
    }

    /// The major version: `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)` is 15.
    private func version() -> String? {
        guard let words = Command([postgres, "--version"]).output()?.split(separator: " "), words.count > 2 else { return nil }
        return String(words[2].prefix { $0.isNumber })
    }
}

/// One program at a time may run a server in a folder. The kernel lets go of the lock when the program ends, however it ends.
final class ServerLock: Sendable {
    private let descriptor: Int32

    /// Throws `.inUse` with the holder's process id, after three seconds: a program that was just killed may not have let go yet.
    init(_ folder: ServerFolder) throws(PrivateServerError) {
        descriptor = open(folder.lock, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .unwritable(folder.path) }
        let deadline = ContinuousClock.now + .seconds(3)
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            if ContinuousClock.now < deadline {
                usleep(20_000)
                continue
            }
            let holder = FileManager.default.contents(atPath: folder.lock).flatMap { Int32(String(decoding: $0, as: UTF8.self)) }
            throw .inUse(pid: holder)
        }
        let pid = Array(String(getpid()).utf8)
        guard ftruncate(descriptor, 0) == 0, write(descriptor, pid, pid.count) == pid.count else { throw .unwritable(folder.path) }
    }

    deinit {
        // Closing alone would leave it to a child that another thread has forked and that has not become another program yet.
        flock(descriptor, LOCK_UN)
        close(descriptor)
    }
}
