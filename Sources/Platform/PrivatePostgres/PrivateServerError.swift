/// Why the private server isn't there.
package enum PrivateServerError: Error, Equatable, CustomStringConvertible {
    /// No PostgreSQL server is installed, or not the one that made the data.
    case binariesMissing(wanted: String?)
    /// The folder can't be made, written or reached by the account the server runs as.
    case folderUnwritable(String)
    /// Another program is running a server here.
    case inUse(pid: Int32?)
    /// The server ended while it was starting. The last lines of what it said.
    case failedToStart(logTail: String)
    /// No space is left on the disk that the folder is on.
    case diskFull(String)
    /// The folder belongs to another user, who could change what is in it.
    case foreignFolder(String)
    /// The server ended again and again. The last line of what it said.
    case keepsEnding(logTail: String)

    /// One sentence for the operator, with the remedy.
    package var description: String {
        switch self {
        case .binariesMissing(nil): "no PostgreSQL server was found; install one (on Debian and Ubuntu: apt-get install postgresql)"
        case .binariesMissing(let version?):
            "the data was made by PostgreSQL \(version), whose server was not found; install it "
                + "(on Debian and Ubuntu: apt-get install postgresql-\(version))"
        case .folderUnwritable(let path): "the folder \(path) can't be written by the account PostgreSQL runs as"
        case .inUse(let pid): "the folder is in use by another program\(pid.map { " (process \($0))" } ?? "")"
        case .failedToStart(let tail): "PostgreSQL did not start: \(Self.cause(in: tail))"
        case .diskFull(let path): "no space is left on the disk of \(path)"
        case .foreignFolder(let path): "the folder \(path) belongs to another user; name another folder, or run this as that user"
        case .keepsEnding(let tail): "PostgreSQL keeps ending: \(Self.cause(in: tail))"
        }
    }

    /// Whether the server itself has said that the disk is full.
    var saysDiskIsFull: Bool {
        switch self {
        case .failedToStart(let tail), .keepsEnding(let tail): tail.contains("No space left on device")
        case .diskFull: true
        case .binariesMissing, .folderUnwritable, .inUse, .foreignFolder: false
        }
    }

    /// The line that says why: a full disk, else the first panic, else the first fatal error, else the last line. To connections a server that starts
    /// or ends has only fatal errors to say that it does.
    static func cause(in tail: String) -> String {
        let lines = tail.split(separator: "\n").filter { !$0.contains("FATAL:  the database system is ") }
        func first(_ marks: String...) -> Substring? { lines.first { line in marks.contains { line.contains($0) } } }
        return String(first("No space left on device") ?? first("PANIC:") ?? first("FATAL:", "initdb: error:") ?? lines.last ?? "it said nothing")
    }
}
