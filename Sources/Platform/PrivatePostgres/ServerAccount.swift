import Glibc

/// The account that the server runs as. PostgreSQL refuses to run as root.
enum ServerAccount {
    /// The user who runs this program.
    case own
    /// Root gives its rights up for these; `reachesAnywhere` keeps the one to pass closed folders above the data.
    case other(uid: uid_t, gid: gid_t, reachesAnywhere: Bool)

    /// The name of the account that runs this program; nil when it has none, as in a container with a user id of its own.
    static var ownName: String? { getpwuid(geteuid()).flatMap { $0.pointee.pw_name }.map { String(cString: $0) } }

    /// For a folder that exists. Data that is there already decides; else the user `postgres`, else `nobody`.
    static func forServer(in directory: String, data: String) throws(PrivateServerError) -> ServerAccount {
        guard geteuid() == 0 else { return .own }
        var owner = stat()
        let account: (uid_t, gid_t)
        if stat(data, &owner) == 0, owner.st_uid != 0 {
            account = (owner.st_uid, owner.st_gid)
        } else if let entry = getpwnam("postgres") ?? getpwnam("nobody") {
            account = (entry.pointee.pw_uid, entry.pointee.pw_gid)
        } else {
            throw .folderUnwritable(directory)
        }
        return .other(uid: account.0, gid: account.1, reachesAnywhere: !isReachable(directory, account.0, account.1))
    }

    /// Gives a file or folder of the server's to the account.
    func take(_ path: String) throws(PrivateServerError) {
        guard case .other(let uid, let gid, _) = self else { return }
        guard chown(path, uid, gid) == 0 else { throw .folderUnwritable(path) }
    }

    /// The command as this account.
    func command(_ arguments: [String]) -> Command {
        switch self {
        case .own: return Command(arguments)
        case .other(let uid, let gid, let reachesAnywhere):
            var wrapped = ["setpriv", "--reuid=\(uid)", "--regid=\(gid)", "--clear-groups"]
            if reachesAnywhere { wrapped += ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"] }
            return Command(wrapped + ["--"] + arguments)
        }
    }

    private static func isReachable(_ directory: String, _ uid: uid_t, _ gid: gid_t) -> Bool {
        var path = ""
        for part in directory.split(separator: "/").dropLast() {
            path += "/" + part
            var info = stat()
            guard stat(path, &info) == 0 else { return false }
            let mayPass = info.st_uid == uid ? S_IXUSR : info.st_gid == gid ? S_IXGRP : S_IXOTH
            if info.st_mode & mayPass == 0 { return false }
        }
        return true
    }
}
