/// The mark of a system's data, which its backups, its archives and the servers that are restored from them share. Systems that have one folder of
/// backups are told apart by it.
///
/// It is PostgreSQL's own identifier of the data at first. A server that dumps are loaded into has another one, so the mark stands beside the data.
enum Lineage {
    private static let fileName = "lineage"

    /// That of the server in a folder, or of an archive; nil before it has one.
    static func recorded(in directory: String) -> String? { firstLine(of: "\(directory)/\(fileName)") }

    /// That of the server in a folder, which gets it when it has none.
    static func settle(in folder: ServerFolder) throws(BackupError) -> String {
        if let recorded = recorded(in: folder.path) { return recorded }
        let mark = try ControlData(of: folder.data, version: folder.dataVersion).systemIdentifier
        try record(mark, in: folder.path, of: folder)
        return mark
    }

    /// Writes it into the folder of a server or an archive.
    static func record(_ mark: String, in directory: String, of folder: ServerFolder) throws(BackupError) {
        do throws(PrivateServerError) {
            try folder.write(mark + "\n", to: "\(directory)/\(fileName)")
        } catch { throw BackupError(error.description) }
    }
}

/// The part of a server's control file that this module needs, as the program of its version reads it.
struct ControlData {
    /// PostgreSQL's own name of the data: initdb makes one, and copies keep it.
    let systemIdentifier: String
    /// In bytes. It is chosen once, by initdb.
    let segmentSize: Int

    /// - Parameters:
    ///   - data: the folder of the data.
    ///   - version: the major version that made them.
    init(of data: String, version: String?) throws(BackupError) {
        let programs: ServerBinaries
        do throws(PrivateServerError) { programs = try ServerBinaries.find(version: version) } catch { throw BackupError(error.description) }
        let (succeeded, said) = Command([programs.program("pg_controldata"), data]).run()
        let lines = said.split(separator: "\n")
        func value(_ name: String) -> String? {
            lines.first { $0.hasPrefix(name + ":") }?.split(separator: " ").last.map(String.init)
        }
        guard succeeded, let identifier = value("Database system identifier"), let size = value("Bytes per WAL segment").flatMap({ Int($0) }),
            size > 0
        else { throw BackupError("the control file of \(data) can't be read: \(lines.first ?? "pg_controldata failed")") }
        (systemIdentifier, segmentSize) = (identifier, size)
    }
}
