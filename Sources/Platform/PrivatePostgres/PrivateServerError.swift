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
    /// The server ended again and again. The last line of what it said.
    case keepsEnding(logTail: String)

    /// One sentence for the operator, with the remedy.
    package var description: String {
        switch self {
        case .binariesMissing(nil): "no PostgreSQL server was found; install one (on Debian and Ubuntu: apt-get install postgresql)"
        case .binariesMissing(let version?):
            "the data was made by PostgreSQL \(version), whose server was not found; install it (on Debian and Ubuntu: apt-get install postgresql-\(version))"
        case .folderUnwritable(let path): "the folder \(path) can't be written by the account PostgreSQL runs as"
        case .inUse(let pid): "the folder is in use by another program\(pid.map { " (process \($0))" } ?? "")"
        case .failedToStart(let tail): "PostgreSQL did not start: \(Self.cause(in: tail))"
        case .keepsEnding(let tail): "PostgreSQL keeps ending: \(Self.cause(in: tail))"
        }
    }

    /// The line that says why: the first fatal one, else the last.
    private static func cause(in tail: String) -> String {
        let lines = tail.split(separator: "\n")
        return String(
            lines.first { $0.contains("FATAL:") || $0.contains("PANIC:") || $0.contains("initdb: error:") } ?? lines.last ?? "it said nothing")
    }
}
