import Foundation
import Glibc

/// The account that a cluster's programs run as: PostgreSQL's where the tests are root's.
struct PatroniAccount {
    private let other: (uid: uid_t, gid: gid_t)?

    init() throws {
        let entry = getpwnam("postgres")
        other = geteuid() == 0 ? entry.map { ($0.pointee.pw_uid, $0.pointee.pw_gid) } : nil
        guard geteuid() != 0 || other != nil else { throw PatroniCluster.Failure(description: "there is no account postgres") }
    }

    func command(_ arguments: [String]) -> [String] {
        guard let other else { return arguments }
        return ["setpriv", "--reuid=\(other.uid)", "--regid=\(other.gid)", "--clear-groups", "--"] + arguments
    }

    /// Gives it a folder.
    func take(_ path: String) throws {
        guard let other else { return }
        guard chown(path, other.uid, other.gid) == 0 else { throw PatroniCluster.Failure(description: "can't give \(path) away") }
    }

    /// The Patroni that `bin/test` installs. A system's own may be too old: in 3.0.2 a primary that hung takes the lead from the one after it.
    static var patroni: String {
        get throws {
            let path = "\(repositoryRoot)/.venv/patroni/bin/patroni"
            guard access(path, X_OK) == 0 else { throw PatroniCluster.Failure(description: "there is no \(path); bin/test installs it") }
            return path
        }
    }

    /// The folder of PostgreSQL's programs.
    static var programs: String {
        get throws {
            let folders =
                (try? FileManager.default.contentsOfDirectory(atPath: "/usr/lib/postgresql").sorted { (Int($0) ?? 0) < (Int($1) ?? 0) }) ?? []
            guard let newest = folders.last else { throw PatroniCluster.Failure(description: "no PostgreSQL in /usr/lib/postgresql") }
            return "/usr/lib/postgresql/\(newest)/bin"
        }
    }
}
