import Glibc

/// Why the private server isn't there.
package enum PrivateServerError: Error, Equatable, CustomStringConvertible {
    /// No PostgreSQL server is installed, or not the one that made the data.
    case binariesMissing(wanted: String?)
    /// The folder can't be made, written or reached by the account that the server runs as.
    case folderUnwritable(String)
    /// The disk is full, or the account's quota is used up. The path that couldn't be written.
    case noSpace(String)
    /// The data belong to an account that this program would not run a server as.
    case foreignData(path: String, owner: String)
    /// WAL can't be archived where it shall be. The reason.
    case backupsUnusable(String)
    /// Another program runs a server here.
    case inUse(pid: Int32?)
    /// The server ended while it was starting. The last lines of its log.
    case failedToStart(logTail: String)
    /// The server ended again and again. The last lines of its log.
    case keepsEnding(logTail: String)

    /// A path that couldn't be written, by the errno of the attempt.
    static func unwritable(_ path: String, _ code: Int32 = errno) -> PrivateServerError {
        code == ENOSPC || code == EDQUOT ? .noSpace(path) : .folderUnwritable(path)
    }

    /// One sentence for the operator, with the remedy.
    package var description: String {
        switch self {
        case .binariesMissing(nil): "no PostgreSQL server was found; install one (on Debian and Ubuntu: apt-get install postgresql)"
        case .binariesMissing(let version?):
            "the data was made by PostgreSQL \(version), whose server was not found; install it "
                + "(on Debian and Ubuntu: apt-get install postgresql-\(version))"
        case .folderUnwritable(let path): "the folder \(path) can't be written by the account PostgreSQL runs as"
        case .noSpace(let path): "no space is left on the disk for \(path); free some"
        case .foreignData(let path, let owner): "the data in \(path) belong to \(owner); run this as \(owner)"
        case .backupsUnusable(let reason): reason
        case .inUse(let pid): "the folder is in use by another program\(pid.map { " (process \($0))" } ?? "")"
        case .failedToStart(let tail): "PostgreSQL did not start: \(ServerLog.cause(in: tail))"
        case .keepsEnding(let tail): "PostgreSQL keeps ending: \(ServerLog.cause(in: tail))"
        }
    }

    /// Whether the trouble may pass by itself: then it pays to try again for as long as it takes.
    var mayPass: Bool {
        switch self {
        case .noSpace: true
        case .failedToStart(let tail), .keepsEnding(let tail): ServerLog.tellsOfShortage(ServerLog.cause(in: tail))
        case .binariesMissing, .folderUnwritable, .foreignData, .backupsUnusable, .inUse: false
        }
    }
}
