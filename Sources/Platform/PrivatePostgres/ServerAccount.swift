import CLinuxIO
import Glibc

/// The account that the server runs as. PostgreSQL refuses to run as root.
enum ServerAccount {
    /// The user who runs this program.
    case own
    /// Root gives its rights up for these; `reachesAnywhere` keeps the one to pass closed folders above the data.
    case other(uid: uid_t, gid: gid_t, reachesAnywhere: Bool)

    /// For a folder that exists. The account that has the data there runs the server; without data it is `postgres`, else `nobody`.
    ///
    /// Throws `.foreignData` when root would run the server as somebody else: that account could change what root's program relies on.
    static func forServer(in directory: String, data: String) throws(PrivateServerError) -> ServerAccount {
        guard geteuid() == 0 else { return .own }
        let candidates = ["postgres", "nobody"].compactMap { (name: String) in getpwnam(name).map { (uid: $0.pointee.pw_uid, gid: $0.pointee.pw_gid) }
        }
        guard var account = candidates.first else { throw .folderUnwritable(directory) }
        var owner = stat()
        if stat(data, &owner) == 0, owner.st_uid != 0 {
            guard let other = candidates.first(where: { $0.uid == owner.st_uid }) else {
                let name = getpwuid(owner.st_uid).map { String(cString: $0.pointee.pw_name) } ?? "the user \(owner.st_uid)"
                throw .foreignData(path: data, owner: name)
            }
            account = other
        }
        return .other(uid: account.uid, gid: account.gid, reachesAnywhere: !isReachable(directory, account.uid, account.gid))
    }

    /// Gives a file or folder of the server's to the account.
    func take(_ path: String) throws(PrivateServerError) {
        guard case .other(let uid, let gid, _) = self else { return }
        guard chown(path, uid, gid) == 0 else { throw .unwritable(path) }
    }

    /// The command as this account, in `directory`.
    func command(_ arguments: [String], in directory: String) -> Command {
        var command = command(arguments)
        command.directory = directory
        return command
    }

    private func command(_ arguments: [String]) -> Command {
        switch self {
        case .own: return Command(arguments)
        case .other(let uid, let gid, let reachesAnywhere):
            var wrapped = ["setpriv", "--reuid=\(uid)", "--regid=\(gid)", "--clear-groups"]
            if reachesAnywhere { wrapped += ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"] }
            return Command(wrapped + ["--"] + arguments)
        }
    }

    /// Whether the account can pass all folders above this one.
    func reaches(_ directory: String) -> Bool {
        switch self {
        case .own, .other(_, _, reachesAnywhere: true): true
        case .other(let uid, let gid, reachesAnywhere: false): Self.isReachable(directory, uid, gid)
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
