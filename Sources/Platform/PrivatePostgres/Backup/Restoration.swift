import CLinuxIO
import FoundationEssentials
import Glibc
package import Logging
import Postgres

/// A new server folder, made from a backup and the WAL that leads on from it.
package struct Restoration: Sendable {

    private let backup: BaseBackup
    private let folder: BackupFolder
    /// The server's folder that is made.
    private let directory: String
    /// The moment to stop at, in a form that PostgreSQL reads; nil for the end of the WAL.
    private let target: String?
    /// The `pg_wal` of the lost server, which may hold more than was archived.
    private let lostWAL: String?

    package init(of backup: BaseBackup, in folder: BackupFolder, into directory: String, until target: String?, lostWAL: String?) {
        self.backup = backup
        self.folder = folder
        self.directory = directory
        self.target = target
        self.lostWAL = lostWAL
    }

    /// Checks the backup and copies it and its WAL, for the server's account alone.
    /// - Parameter progress: told of bytes done and in all.
    package func copy(progress: @escaping @Sendable (_ done: Int, _ total: Int) -> Void) async throws(BackupError) {
        let isAbandoned = Flag()
        let result = await withTaskCancellationHandler {
            await onOwnThread("restore") {
                Result { () throws(BackupError) in try copyBlocking(progress) { isAbandoned.isSet } }
            }
        } onCancel: {
            isAbandoned.set()
        }
        try result.get()
    }

    /// Runs a server on the copy until it has taken in the WAL, and stops it. Throws what PostgreSQL says when it can't come to the moment asked for.
    package func recover(logger: Logger) async throws(PrivateServerError) {
        let server = PrivateServer(
            directory: directory, port: 5432, durability: .full, binaries: nil, backups: nil, recovery: Recovery(target: target), logger: logger)
        do throws(PrivateServerError) {
            try await server.start()
        } catch {
            await server.stop()
            throw error
        }
        await server.stop()
    }

    private func copyBlocking(_ progress: (Int, Int) -> Void, isAbandoned: () -> Bool) throws(BackupError) {
        guard Self.isPrivate(backup.path) else {
            throw BackupError("others may look into \(backup.path), and a backup holds personal data: chmod 700 \(backup.path)")
        }
        try backup.verify()
        let made: ServerFolder
        let account: ServerAccount
        do throws(PrivateServerError) {
            made = try ServerFolder.make(directory)
            account = try ServerAccount.forServer(in: made.path, data: made.data)
        } catch { throw BackupError(error.description) }
        let files = try self.files()
        let total = files.reduce(0) { $0 + $1.size }
        var done = 0
        for file in files {
            if isAbandoned() { throw BackupError("interrupted; nothing is restored") }
            try file.copy(to: "\(directory)/data/\(file.name)", account) { count in
                done += count
                progress(done, total)
            }
        }
        if let lineage = backup.lineage { try Lineage.record(lineage, in: made.path, of: made) }
        guard FileManager.default.createFile(atPath: "\(directory)/data/recovery.signal", contents: nil, attributes: [.posixPermissions: 0o600])
        else {
            throw BackupError(unwritable: directory)
        }
        do throws(PrivateServerError) { try account.take("\(directory)/data/recovery.signal") } catch { throw BackupError(error.description) }
        guard Command(["sync", "--file-system", directory]).run().succeeded else { throw BackupError(unwritable: directory) }
    }

    /// Everything to copy, folders before what is in them. Archived WAL comes after the backup's own, whose last segment ends where the backup does.
    private func files() throws(BackupError) -> [RestoredFile] {
        guard let names = try? FileManager.default.subpathsOfDirectory(atPath: backup.data) else { throw BackupError("\(backup.data) can't be read") }
        var files = [try RestoredFile(name: "", at: backup.data)]
        for name in names.sorted() { files.append(try RestoredFile(name: name, at: "\(backup.data)/\(name)")) }
        let segmentSize = try ControlData(of: backup.data, version: backup.version).segmentSize
        var segments: Set<String> = []
        for source in [backup.archive.map({ "\(folder.path)/\($0)" }), lostWAL].compactMap(\.self) {
            guard access(source, R_OK | X_OK) == 0 else { throw BackupError("\(source) can't be read: \(String(cString: strerror(errno)))") }
            for segment in WALSegment.names(in: source) where segment >= backup.firstSegment && !segments.contains(segment) {
                let file = try RestoredFile(name: "pg_wal/\(segment)", at: "\(source)/\(segment)")
                guard file.size == segmentSize else {
                    // A moment before it may be reached, and PostgreSQL says so when it is not. It would take the break for the end of all WAL, too.
                    if target != nil { break }
                    throw BackupError(
                        "the WAL \(segment) in \(source) is incomplete (\(file.size) of \(segmentSize) bytes): "
                            + "put a whole copy there, take a newer backup, or one moment before that by --to")
                }
                segments.insert(segment)
                files.append(file)
            }
        }
        if target == nil { try requireNoGap(in: files, segmentSize: segmentSize) }
        return files
    }

    /// WAL that was written while nothing was archived may be missing. PostgreSQL would take the gap for the end.
    private func requireNoGap(in files: [RestoredFile], segmentSize: Int) throws(BackupError) {
        let segments = Set(files.compactMap { $0.name.split(separator: "/").last.map(String.init) }.filter(WALSegment.isName))
            .filter { $0 >= backup.firstSegment && $0.prefix(8) == backup.firstSegment.prefix(8) }.sorted()
        for (segment, next) in zip(segments, segments.dropFirst()) where WALSegment.following(segment, size: segmentSize) != next {
            throw BackupError("the WAL between \(segment) and \(next) was not archived: take a newer backup, or one moment before that by --to")
        }
    }

    private static func isPrivate(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & 0o077 == 0
    }
}

/// A file or folder that becomes part of a server's data.
private struct RestoredFile {
    private static let pieceSize = 1 << 20

    /// Below the data folder.
    let name: String
    private let source: String
    private let isFolder: Bool
    let size: Int

    init(name: String, at source: String) throws(BackupError) {
        var status = stat()
        guard lstat(source, &status) == 0 else { throw BackupError("\(source) can't be read: \(String(cString: strerror(errno)))") }
        isFolder = status.st_mode & S_IFMT == S_IFDIR
        guard isFolder || status.st_mode & S_IFMT == S_IFREG else {
            throw BackupError("\(source) is neither a file nor a folder, and a private PostgreSQL has no other")
        }
        (self.name, self.source, size) = (name, source, isFolder ? 0 : Int(status.st_size))
    }

    func copy(to target: String, _ account: ServerAccount, copied: (Int) -> Void) throws(BackupError) {
        if isFolder {
            guard mkdir(target, 0o700) == 0 else { throw BackupError(unwritable: target) }
        } else {
            try copyBytes(to: target, copied)
        }
        do throws(PrivateServerError) { try account.take(target) } catch { throw BackupError(error.description) }
    }

    private func copyBytes(to target: String, _ copied: (Int) -> Void) throws(BackupError) {
        let reading = open(source, O_RDONLY | O_CLOEXEC)
        guard reading >= 0 else { throw BackupError("\(source) can't be read: \(String(cString: strerror(errno)))") }
        defer { close(reading) }
        let writing = open(target, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard writing >= 0 else { throw BackupError(unwritable: target) }
        defer { close(writing) }
        var piece = [UInt8](repeating: 0, count: Self.pieceSize)
        while true {
            let count = read(reading, &piece, piece.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw BackupError("\(source) can't be read: \(String(cString: strerror(errno)))") }
            if count == 0 { return }
            var written = 0
            while written < count {
                let taken = piece.withUnsafeBytes { write(writing, $0.baseAddress.map { $0 + written }, count - written) }
                if taken < 0, errno == EINTR { continue }
                guard taken >= 0 else { throw BackupError(unwritable: target) }
                written += taken
            }
            copied(count)
        }
    }
}

/// The way of a server from a backup to a later moment. All WAL lies in its own folder by then.
struct Recovery: Sendable {
    let target: String?

    /// Nobody is let in before the end. The timeline stays the backup's: each server archives by itself, so there is no other.
    var settings: String {
        """
        hot_standby = off
        restore_command = 'false'
        recovery_target_timeline = 'current'
        \(target.map { "recovery_target_time = '\($0)'\nrecovery_target_action = 'promote'\n" } ?? "")
        """
    }
}
