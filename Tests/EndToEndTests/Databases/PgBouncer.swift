import Foundation
import PrivatePostgres
import TestSupport
import Testing

/// A PgBouncer in transaction mode in front of a server, for one test.
struct PgBouncer {
    private static let port = 6432

    private let folder: String

    /// Starts one that lets these users in and passes their names on.
    static func with(_ server: PrivateServer.Location, users: [String], _ body: (PgBouncer) async throws -> Void) async throws {
        try await withDataDirectory { folder in
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            let configuration = """
                [databases]
                * = host=\(server.socketFolder) port=\(server.port)
                [pgbouncer]
                listen_port = \(port)
                unix_socket_dir = \(folder)
                auth_type = trust
                auth_file = \(folder)/users
                pool_mode = transaction
                default_pool_size = 10
                max_client_conn = 500
                logfile = \(folder)/log
                """
            try configuration.write(toFile: folder + "/pgbouncer.ini", atomically: true, encoding: .utf8)
            try users.map { "\"\($0)\" \"\"\n" }.joined().write(toFile: folder + "/users", atomically: true, encoding: .utf8)
            // The server's account, which alone may enter the folder of its socket. PgBouncer refuses to be root.
            let account = try FileManager.default.attributesOfItem(atPath: server.socketFolder)[.ownerAccountID] as? Int ?? 0
            try FileManager.default.setAttributes([.ownerAccountID: account], ofItemAtPath: folder)
            let asAccount = geteuid() == 0 ? ["setpriv", "--reuid=\(account)", "--clear-groups"] : []
            let pooler = try ChildProgram(
                ["/usr/bin/env"] + asAccount + ["pgbouncer", "--quiet", folder + "/pgbouncer.ini"], environment: ["PATH": "/usr/sbin:/usr/bin:/bin"])
            // It keeps nothing.
            defer { pooler.kill() }
            try await eventually {
                try #require(pooler.isRunning, "\((try? String(contentsOfFile: folder + "/log", encoding: .utf8)) ?? "it did not start")")
                return FileManager.default.fileExists(atPath: folder + "/.s.PGSQL.\(port)")
            }
            try await body(PgBouncer(folder: folder))
        }
    }

    /// The settings that lead through it to the four databases.
    var urls: [String: String] {
        let folder = folder.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
        return Dictionary(
            uniqueKeysWithValues: ["log", "read", "identity", "vault"].map {
                ("ANNALS_\($0.uppercased())_URL", "postgres://postgres@\(folder):\(Self.port)/annals_\($0)")
            })
    }
}
