import Foundation
import Postgres
import PrivatePostgres
import TestSupport
import Testing

@Suite(.serialized, .timeLimit(.minutes(15))) struct `A private server on a full disk` {
    @Test(.enabled(if: canMount, "mounting a small disk takes root; how a shortage is told from other causes is tested without"))
    func `is tried until there is space, and says what it waits for`() async throws {
        try await withSmallDisk { disk in
            let log = SpokenLog()
            try await withServer("\(disk)/pg", .full, logger: log.logger) { server in
                try await server.execute("CREATE TABLE kept AS SELECT 42 AS answer")
                await server.kill()
                // A start would remove these, and have their space.
                for trace in ["data/postmaster.pid", "data/server.log", "socket/.s.PGSQL.5432", "socket/.s.PGSQL.5432.lock"] {
                    unlink("\(disk)/pg/\(trace)")
                }
                let filler = try fill(disk)
                try await running(server) {
                    #expect(await log.line(with: "is started again until it stays")?.contains("o space") == true)
                    #expect(await log.line(with: "did not start") != nil)
                    unlink(filler)
                    try await #expect(server.answer("SELECT answer FROM kept") == 42)
                }
            }
        }
    }

    @Test(.enabled(if: canMount, "mounting a small disk takes root")) func `names the disk when it can't start on it at all`() async throws {
        try await withSmallDisk { disk in
            try await withServer("\(disk)/pg", .full) { _ in }
            let filler = try fill(disk)
            let server = PrivateServer(directory: "\(disk)/pg", durability: .full, logger: TestCluster.logger)
            let error = await #expect(throws: PrivateServerError.self) { try await server.start() }
            let line = String(describing: error)
            #expect(line.contains("o space"), "\(line)")
            unlink(filler)
            try await withServer("\(disk)/pg", .full) { server in try await #expect(server.answer("SELECT 1") == 1) }
        }
    }

    private static var canMount: Bool {
        geteuid() == 0 && system("t=$(mktemp -d) && mount -t tmpfs -o size=1m none $t 2>/dev/null && umount $t && rmdir $t") == 0
    }

    private func withSmallDisk(_ body: (String) async throws -> Void) async throws {
        try await withFolder { folder in
            try #require(system("mount -t tmpfs -o size=160m none \(folder)") == 0)
            defer { _ = system("umount -l \(folder)") }
            try await body(folder)
        }
    }

    /// A file that takes all the space there is.
    private func fill(_ disk: String) throws -> String {
        let path = "\(disk)/filler"
        _ = system("cat /dev/zero > \(path) 2>/dev/null")
        return path
    }
}
