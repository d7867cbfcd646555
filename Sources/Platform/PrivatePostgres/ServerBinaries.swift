import FoundationEssentials
import Glibc

/// The folder with `postgres` and `initdb`.
struct ServerBinaries {
    let folder: String

    var postgres: String { "\(folder)/postgres" }
    var initdb: String { "\(folder)/initdb" }

    /// Looks in `first`, in PATH, where `pg_config` points, and in Debian's folders, newest first. Data made by a version needs a server of that
    /// version.
    static func find(version: String?, first: String? = nil) throws(PrivateServerError) -> ServerBinaries {
        for folder in [first].compactMap(\.self) + candidates() where access("\(folder)/postgres", X_OK) == 0 && access("\(folder)/initdb", X_OK) == 0
        {
            let binaries = ServerBinaries(folder: folder)
            if version == nil || version == binaries.version() { return binaries }
        }
        throw .binariesMissing(wanted: version)
    }

    private static func candidates() -> [String] {
        let path = getenv("PATH").map { String(cString: $0).split(separator: ":").map(String.init) } ?? []
        let configured = Command(["pg_config", "--bindir"]).output().map { [$0] } ?? []
        return path + configured + debianFolders()
    }

    private static func debianFolders() -> [String] {
        let root = "/usr/lib/postgresql"
        guard let versions = try? FileManager.default.contentsOfDirectory(atPath: root) else { return [] }
        return versions.compactMap { Int($0) }.sorted(by: >).map { "\(root)/\($0)/bin" }
    }

    /// The major version: `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)` is 15.
    private func version() -> String? {
        guard let words = Command([postgres, "--version"]).output()?.split(separator: " "), words.count > 2 else { return nil }
        return String(words[2].prefix { $0.isNumber })
    }
}
