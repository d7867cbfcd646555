import CLinuxIO
import FoundationEssentials
import Glibc
import JSON

/// A folder of base backups, each in a folder that is named for its time, and of the WAL that leads on from them:
///
///     20260301T100000.123Z/   one backup: data/, what else was put in, and backup.json, which is written last
///     wal-5e3f9a01/           the WAL of one server; a restored server begins another
///
/// Several systems may share it: each backup and each archive has the mark of its system, see `Lineage`. A folder that has another name or no
/// backup.json is no backup, so one that was interrupted is never taken for one.
package struct BackupFolder: Sendable {
    static let partialSuffix = ".partial"
    static let recordName = "backup.json"
    /// Others may pass it, as the account of the server must, and see nothing in it.
    private static let mode: mode_t = 0o711

    package let path: String

    package init(_ path: String) { self.path = path }

    /// The whole backups, oldest first.
    package func backups() throws(BackupError) -> [BaseBackup] {
        try names().filter { !$0.hasSuffix(Self.partialSuffix) }.sorted().compactMap { BaseBackup(name: $0, in: self) }
    }

    /// Those that the WAL of a server leads on from, oldest first.
    /// - Parameter directory: the folder of the server.
    package func backups(of directory: String) throws(BackupError) -> [BaseBackup] {
        guard let archive = Self.archiveName(of: directory) else { return [] }
        return try backups().filter { $0.archive == archive }
    }

    /// The folders of backups that were interrupted, oldest first.
    package func interrupted() throws(BackupError) -> [String] { try names().filter { $0.hasSuffix(Self.partialSuffix) }.sorted() }

    private func names() throws(BackupError) -> [String] {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: path).filter { $0.first?.isNumber == true }
        } catch {
            throw BackupError("the folder of backups \(path) can't be read: \(String(cString: strerror(errno)))")
        }
    }

    /// Makes the folder when it isn't there.
    func make() throws(BackupError) {
        // pg_verifybackup hands the path to a shell.
        guard !path.contains(where: { "\"$`\\\n".contains($0) }) else {
            throw BackupError("the folder of backups \(path) has a character that a shell would read: choose another name")
        }
        var status = stat()
        if stat(path, &status) == 0 {
            guard status.st_mode & 0o002 == 0 else { throw BackupError("every user of this machine may write to \(path): chmod o-w \(path)") }
            return
        }
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: Int(Self.mode)])
        } catch {
            throw BackupError("the folder of backups \(path) can't be made: \(String(cString: strerror(errno)))")
        }
    }

    /// The folder in which the server's WAL is archived, made for the server's account alone. Its name stands beside the server's data.
    func makeArchive(of folder: ServerFolder, _ account: ServerAccount) throws(PrivateServerError) -> String {
        let lineage: String
        do throws(BackupError) {
            try make()
            lineage = try Lineage.settle(in: folder)
        } catch { throw .backupsUnusable(error.description) }
        let name = Self.archiveName(of: folder.path) ?? "wal-" + String(UInt32.random(in: 0x1000_0000 ... .max), radix: 16)
        try folder.write(name + "\n", to: folder.archiveRecord)
        let archive = "\(path)/\(name)"
        guard mkdir(archive, 0o700) == 0 || errno == EEXIST else { throw .unwritable(archive) }
        guard account.reaches(archive) else { throw .folderUnwritable(archive) }
        try account.take(archive)
        do throws(BackupError) { try Lineage.record(lineage, in: archive, of: folder) } catch { throw .backupsUnusable(error.description) }
        return archive
    }

    /// Whether the archive of the server in a folder is here.
    package func hasArchive(of directory: String) -> Bool { Self.archiveName(of: directory).map { access("\(path)/\($0)", F_OK) == 0 } ?? false }

    /// The name of the archive of the server in a folder; nil before it has one.
    static func archiveName(of directory: String) -> String? { firstLine(of: "\(directory)/archive") }

    /// Makes a backup under another name and gives it its own when it is whole and on the disk. A failure leaves nothing.
    func makeBackup(
        _ isAbandoned: () -> Bool, _ fill: (_ path: String) throws(BackupError) -> BaseBackup.Content
    ) throws(BackupError) -> BaseBackup {
        try make()
        let lock = try Lock(self)
        defer { withExtendedLifetime(lock) {} }
        for leftover in try interrupted() { try removeWhatIsWritten("\(path)/\(leftover)") }
        let name = Self.name(for: Date.now)
        let target = "\(path)/\(name)"
        let partial = target + Self.partialSuffix
        guard mkdir(partial, 0o700) == 0 else { throw BackupError(unwritable: partial) }
        do throws(BackupError) {
            let content = try fill(partial)
            let backup = BaseBackup(name: name, path: target, endedAt: Int64(Date.now.timeIntervalSince1970 * 1000), content)
            let record = Data((JSONValue.object(backup.record).serialized + "\n").utf8)
            guard
                FileManager.default.createFile(
                    atPath: "\(partial)/\(Self.recordName)", contents: record, attributes: [.posixPermissions: 0o600]),
                Command(["sync", "--file-system", partial]).run().succeeded, rename(partial, target) == 0, Command(["sync", path]).run().succeeded
            else { throw BackupError(unwritable: target) }
            return backup
        } catch {
            // It has no name yet: what can't be removed is no backup either.
            try? FileManager.default.removeItem(atPath: partial)
            throw BackupError(
                isAbandoned() ? "interrupted; nothing is kept of this backup" : "the backup failed, and nothing is kept of it: \(error)")
        }
    }

    private static func name(for date: Date) -> String {
        var seconds = time_t(date.timeIntervalSince1970)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        func padded(_ number: Int, _ width: Int) -> String { String(String(number + 10_000_000).suffix(width)) }
        let day = padded(Int(parts.tm_year) + 1900, 4) + padded(Int(parts.tm_mon) + 1, 2) + padded(Int(parts.tm_mday), 2)
        let time = padded(Int(parts.tm_hour), 2) + padded(Int(parts.tm_min), 2) + padded(Int(parts.tm_sec), 2)
        return "\(day)T\(time).\(padded(Int(date.timeIntervalSince1970 * 1000) % 1000, 3))Z"
    }

    /// Deletes a system's oldest backups of one kind beyond the newest `count`, and its WAL that no backup needs any more. Returns the names of the
    /// deleted. Other systems are left alone. So is another server of the same one that archives here, as in a rehearsal of a restore: its newest WAL
    /// is no older than ten minutes, since a server ends a segment each minute.
    /// - Parameters:
    ///   - areDumps: the kind.
    ///   - directory: the folder of the server that archives here at present.
    package func keep(_ count: Int, areDumps: Bool, of directory: String) throws(BackupError) -> [String] {
        let lock = try Lock(self)
        defer { withExtendedLifetime(lock) {} }
        guard let lineage = Lineage.recorded(in: directory) else { return [] }
        let all = try backups().filter { $0.lineage == lineage }
        let own = Self.archiveName(of: directory)
        let archives = try self.archives().filter { Lineage.recorded(in: "\(path)/\($0)") == lineage }
        let others = Set(archives.filter { $0 != own && isInUse($0) })
        let old = all.filter { backup in backup.isDump == areDumps && !(backup.archive.map(others.contains) ?? false) }.dropLast(count)
        let kept = all.filter { backup in !old.contains { $0.name == backup.name } }
        // A name goes first: what is left of an interrupted removal is no backup.
        for backup in old {
            let doomed = backup.path + Self.partialSuffix
            guard rename(backup.path, doomed) == 0 else { throw BackupError(unwritable: backup.path) }
            try remove(doomed)
        }
        for archive in archives {
            let needed = kept.filter { $0.archive == archive }.map(\.firstSegment).min()
            if needed == nil, archive != own, !others.contains(archive) {
                try remove("\(path)/\(archive)")
            } else if let needed {
                for segment in WALSegment.names(in: "\(path)/\(archive)") where segment < needed { unlink("\(path)/\(archive)/\(segment)") }
            }
        }
        return old.map(\.name)
    }

    private func isInUse(_ archive: String) -> Bool {
        var status = stat()
        guard let newest = WALSegment.names(in: "\(path)/\(archive)").last, stat("\(path)/\(archive)/\(newest)", &status) == 0 else {
            // A server that has just begun.
            return stat("\(path)/\(archive)", &status) == 0 && time(nil) - status.st_mtim.tv_sec < 600
        }
        return time(nil) - status.st_mtim.tv_sec < 600
    }

    private func archives() throws(BackupError) -> [String] {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: path).filter { $0.hasPrefix("wal-") }
        } catch {
            throw BackupError("the folder of backups \(path) can't be read: \(String(cString: strerror(errno)))")
        }
    }

    /// A backup whose program was killed may write for a moment longer.
    private func removeWhatIsWritten(_ path: String) throws(BackupError) {
        for _ in 0..<50 {
            do { return try remove(path) } catch { usleep(100_000) }
        }
        try remove(path)
    }

    func remove(_ path: String) throws(BackupError) {
        do { try FileManager.default.removeItem(atPath: path) } catch { throw BackupError(unwritable: path) }
    }

    /// One backup at a time. The kernel lets go of it with the program.
    final class Lock {
        private let descriptor: Int32

        init(_ folder: BackupFolder) throws(BackupError) {
            descriptor = open(folder.path + "/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
            guard descriptor >= 0 else { throw BackupError(unwritable: folder.path) }
            guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
                throw BackupError("another backup into \(folder.path) is under way")
            }
        }

        deinit {
            flock(descriptor, LOCK_UN)
            close(descriptor)
        }
    }
}
