import Foundation
import Glibc
import Testing

@Suite(.serialized) struct `The files of a data folder` {
    @Test(arguments: ["master.key", "service.key", "audit.key"])
    func `are not made again when a key is lost that the databases know`(name: String) async throws {
        try await withDataDirectory { directory in
            let file = "\(directory)/keys/\(name)"
            let system = try await RunningSystem(dataDirectory: directory)
            // From here on the log is signed.
            _ = try await Client(base: system.api).signedUp("ann")
            let checkpoint = "\(directory)/keys/audit.key.checkpoint"
            while !FileManager.default.fileExists(atPath: checkpoint) { _ = try await Client(base: system.api).call(.GET, "/audit/checkpoint") }
            while try await Client(base: system.api).call(.GET, "/audit/checkpoint").status != 200 {}
            _ = await system.interrupt()
            try FileManager.default.moveItem(atPath: file, toPath: "\(directory)/kept.key")
            let (code, output) = try await Launch.run(["up", "--port", "0", "--data-dir", directory])
            #expect(code == 1)
            #expect(output.contains(file) && output.contains("missing"), "\(output)")
            #expect(!FileManager.default.fileExists(atPath: file))
            try FileManager.default.moveItem(atPath: "\(directory)/kept.key", toPath: file)
            _ = try await RunningSystem(dataDirectory: directory).interrupt()
        }
    }

    @Test func `must hold the service key that the databases know`() async throws {
        try await withDataDirectory { directory in
            let file = "\(directory)/keys/service.key"
            _ = try await RunningSystem(dataDirectory: directory).interrupt()
            let key = try String(contentsOfFile: file, encoding: .utf8)
            try String(key.reversed()).trimmingCharacters(in: .whitespacesAndNewlines).write(toFile: file, atomically: false, encoding: .utf8)
            let (code, output) = try await Launch.run(["up", "--port", "0", "--data-dir", directory])
            #expect(code == 1 && output.contains("service.key is not the one"), "\(output)")
        }
    }

    @Test func `can't be another user's, or everybody's to change`() async throws {
        try await withDataDirectory { directory in
            _ = try await RunningSystem(dataDirectory: directory).interrupt()
            chmod(directory, 0o777)
            let open = try await Launch.run(["up", "--port", "0", "--data-dir", directory])
            #expect(open.code == 1 && open.output.contains("every user of this machine may change the folder"), "\(open.output)")
            chmod(directory, 0o711)
            // Only root can give a folder away; another user finds the owner's folder closed.
            guard geteuid() == 0 else { return }
            chown(directory, 12_345, 12_345)
            let foreign = try await Launch.run(["up", "--port", "0", "--data-dir", directory])
            #expect(foreign.code == 1 && foreign.output.contains("belongs to another user (id 12345)"), "\(foreign.output)")
            chown(directory, 0, 0)
        }
    }
}

@Suite(.serialized) struct `A first start that is killed` {
    /// At four places on its way: while the cluster, the databases and the tables are made.
    @Test(arguments: [0, 1, 2, 3]) func `is made up for by the next one at once`(place: Int) async throws {
        try await withDataDirectory { directory in
            let launch = try Launch(["up", "--port", "0", "--data-dir", directory])
            let data = "\(directory)/postgres/data"
            func databases() -> Int { (try? FileManager.default.contentsOfDirectory(atPath: "\(data)/base"))?.count ?? 0 }
            // PostgreSQL itself has three.
            switch place {
            case 0: while !FileManager.default.fileExists(atPath: "\(data).new/base") {}
            case 1: while !FileManager.default.fileExists(atPath: "\(data)/postmaster.pid") {}
            case 2: while databases() < 5 {}
            default: while databases() < 7 {}
            }
            kill(launch.process.processIdentifier, SIGKILL)
            await launch.process.waitForExit()
            let system = try await RunningSystem(dataDirectory: directory)
            #expect(try await Client(base: system.api).call(.GET, "/posts").status == 200)
            #expect(await system.interrupt() == 0)
        }
    }
}
