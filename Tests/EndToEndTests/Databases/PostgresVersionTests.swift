import Foundation
import Testing

/// The newest version, and with ANNALS_LONG_TESTS=1 each that is supported.
private let versions = ProcessInfo.processInfo.environment["ANNALS_LONG_TESTS"] == "1" ? [15, 16, 17, 18] : [18]

@Suite(.serialized, .timeLimit(.minutes(longestTest))) struct `On each PostgreSQL` {
    @Test(arguments: versions) func `the main job is done, by itself and for owners without a superuser`(version: Int) async throws {
        let programs = try await PostgresPrograms.folder(of: version)
        try await withSystem(environment: ["PATH": programs + ":/usr/sbin:/usr/bin:/bin"]) { system, anyone in
            #expect(try await system.query("current_setting('server_version_num')::int / 10000", in: "annals_log") == "\(version)")
            let job = MainJob(anyone)
            try await job.walk()
            try await job.race()
            try await job.readOwnWrites(160)
            for command in [["projections", "rebuild", "--all"], ["projections", "verify", "--all"], ["audit", "verify"]] {
                let done = try await Launch.run(command + ["--data-dir", system.dataDirectory])
                #expect(done.code == 0, "\(command): \(done.output)")
            }
        }
        try await ownerWhoMayMakeRoles(programs: programs)
        if version >= 16 { try await ownerWhoMeetsRoles(programs: programs) }
    }
}

/// The programs of a PostgreSQL of another version than the usual one.
enum PostgresPrograms {
    /// The folder of Debian's own, or of one that PyPI carries, as `bin/test --postgres` takes it.
    static func folder(of version: Int) async throws -> String {
        let debian = "/usr/lib/postgresql/\(version)/bin"
        if FileManager.default.fileExists(atPath: debian + "/postgres") { return debian }
        let said = try await Shell.run("source '\(repositoryRoot)/bin/.prepare'; use_postgres \(version); dirname \"$(command -v postgres)\"")
        let folder = try #require(said.split(separator: "\n").last.map(String.init))
        try #require(FileManager.default.fileExists(atPath: folder + "/postgres"), "\(said)")
        return folder
    }
}
