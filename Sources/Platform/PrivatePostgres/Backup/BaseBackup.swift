import FoundationEssentials
import Glibc
package import JSON
import Postgres

/// A whole copy of a server's data, taken while it ran, from which WAL leads on; or dumps of its databases.
package struct BaseBackup: Sendable {
    /// The part of a backup that its record tells.
    struct Content {
        /// The major version of PostgreSQL that made the data.
        let version: String
        /// The mark of the system; nil where a record has none.
        let lineage: String?
        let bytes: Int
        /// The folder of the WAL that leads on, beside the backup; nil when none was archived.
        var archive: String?
        /// The first segment that it needs; none for dumps.
        var firstSegment = ""
        /// The databases that were dumped, in the order of their dumps; none in a copy of all files.
        var dumps: [String] = []
    }

    /// Its time, as `20260301T100000.123Z`.
    package let name: String
    package let path: String
    /// Milliseconds since 1970. From the end on the copy is consistent, and no earlier moment can be restored from it.
    package let endedAt: Int64
    private let content: Content

    package var bytes: Int { content.bytes }

    /// Whether it is of the server in a folder, as far as their archives tell.
    package func isOf(server directory: String) -> Bool { archive == BackupFolder.archiveName(of: directory) }
    package var archive: String? { content.archive }
    /// The mark of its system, which a restored server keeps; nil where its record has none.
    package var lineage: String? { content.lineage }
    package var isDump: Bool { !content.dumps.isEmpty }
    var firstSegment: String { content.firstSegment }
    var dumps: [String] { content.dumps }
    var version: String { content.version }
    var data: String { path + "/data" }

    /// The backup of that name; nil unless it is whole.
    init?(name: String, in folder: BackupFolder) {
        path = "\(folder.path)/\(name)"
        guard let bytes = FileManager.default.contents(atPath: "\(path)/\(BackupFolder.recordName)"), let record = try? JSONValue.parse(bytes),
            let version = record["postgresql"]?.text, let endedAt = record["endedAt"]?.int, let size = record["bytes"]?.int,
            let firstSegment = record["firstSegment"]?.text, case .array(let dumps)? = record["dumps"]
        else { return nil }
        (self.name, self.endedAt) = (name, endedAt)
        content = Content(
            version: version, lineage: record["lineage"]?.text, bytes: Int(size), archive: record["wal"]?.text, firstSegment: firstSegment,
            dumps: dumps.compactMap(\.text))
    }

    init(name: String, path: String, endedAt: Int64, _ content: Content) {
        (self.name, self.path, self.endedAt, self.content) = (name, path, endedAt, content)
    }

    /// The record that makes a folder a backup.
    package var record: JSONObject {
        [
            "postgresql": .string(version), "lineage": lineage.map(JSONValue.string) ?? .null, "endedAt": .integer(endedAt),
            "bytes": .integer(Int64(bytes)),
            "wal": archive.map(JSONValue.string) ?? .null, "firstSegment": .string(firstSegment), "dumps": .array(dumps.map(JSONValue.string)),
        ]
    }

    /// Takes a backup of the server that runs in `directory`, with checksums of every file.
    ///
    /// It gets its name when it is whole and on the disk. An interruption or failure leaves nothing, a kill a folder `….partial`.
    /// - Parameters:
    ///   - isArchiving: whether the server archives its WAL in this folder.
    ///   - progress: told of kilobytes done and in all.
    ///   - adding: puts more into the backup's folder.
    package static func take(
        of directory: String, into folder: BackupFolder, isArchiving: Bool, progress: @escaping @Sendable (_ done: Int, _ total: Int) -> Void,
        adding: @escaping @Sendable (_ path: String) throws(BackupError) -> Void
    ) async throws(BackupError) -> BaseBackup {
        let isAbandoned = Flag()
        let result = await withTaskCancellationHandler {
            await onOwnThread("backup") {
                Result { () throws(BackupError) in
                    try takeBlocking(of: directory, into: folder, isArchiving, progress, adding) { isAbandoned.isSet }
                }
            }
        } onCancel: {
            isAbandoned.set()
        }
        return try result.get()
    }

    private static func takeBlocking(
        of directory: String, into folder: BackupFolder, _ isArchiving: Bool, _ progress: (Int, Int) -> Void,
        _ adding: (String) throws(BackupError) -> Void, isAbandoned: () -> Bool
    ) throws(BackupError) -> BaseBackup {
        let server = try RunningServer(directory)
        return try folder.makeBackup(isAbandoned) { partial throws(BackupError) in
            let command = server.command(
                "pg_basebackup",
                [
                    "--pgdata=\(partial)/data", "--checkpoint=fast", "--wal-method=stream", "--manifest-checksums=SHA256", "--label=annals",
                    "--progress",
                ])
            var (said, size) = ("", 0)
            let succeeded = command.run(isAbandoned: isAbandoned) { line in
                if let (done, total) = kilobytes(in: line) {
                    size = total
                    progress(done, total)
                } else if said.isEmpty {
                    said = String(line)
                }
            }
            if !succeeded { throw BackupError(said) }
            try adding(partial)
            return Content(
                version: server.version, lineage: try Lineage.settle(in: server.folder), bytes: size * 1024,
                archive: isArchiving ? BackupFolder.archiveName(of: directory) : nil, firstSegment: try firstSegment(of: partial))
        }
    }

    /// Holds every file of the backup to its checksum. Throws for one that is incomplete or was changed.
    func verify() throws(BackupError) {
        let programs: ServerBinaries
        do throws(PrivateServerError) { programs = try ServerBinaries.find(version: version) } catch { throw BackupError(error.description) }
        let (succeeded, said) = Command([programs.program("pg_verifybackup"), "--exit-on-error", "--quiet", data]).run()
        guard succeeded else {
            let line = said.split(separator: "\n").first ?? "pg_verifybackup failed"
            throw BackupError("the backup \(name) is incomplete or was changed: \(line)")
        }
    }

    /// The first segment that the backup needs, by its own word.
    private static func firstSegment(of path: String) throws(BackupError) -> String {
        let label = FileManager.default.contents(atPath: "\(path)/data/backup_label").map { String(decoding: $0, as: UTF8.self) } ?? ""
        guard let line = label.split(separator: "\n").first(where: { $0.hasPrefix("START WAL LOCATION") }),
            let word = line.split(separator: " ").last, WALSegment.isName(String(word.dropLast()))
        else { throw BackupError("\(path)/data/backup_label does not say where its WAL begins") }
        return String(word.dropLast())
    }

    /// Of a line such as `   1234/56789 kB (2%), 0/1 tablespace`.
    private static func kilobytes(in line: Substring) -> (done: Int, total: Int)? {
        let words = line.split(separator: " ")
        guard words.count > 1, words[1] == "kB" else { return nil }
        let numbers = words[0].split(separator: "/").compactMap { Int($0) }
        return numbers.count == 2 ? (numbers[0], max(numbers[0], numbers[1])) : nil
    }
}
