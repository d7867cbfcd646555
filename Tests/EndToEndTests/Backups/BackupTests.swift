import EventSourcing
import Foundation
import Glibc
import JSON
import NIOHTTP1
import TestSupport
import Testing

/// The system is backed up under load and then killed with its PostgreSQL.
@Suite(.serialized, .timeLimit(.minutes(longestTest))) struct `A backup taken under load` {
    /// Three with ANNALS_LONG_TESTS=1 or ANNALS_TEST_LONG=1, one otherwise.
    private static let rounds = isLongRun ? 3 : 1

    @Test(arguments: 1...rounds) func `brings back all that was acknowledged before the moment, and proves it`(round: Int) async throws {
        try await BackedUpSystem.with { backedUp in
            let ann = try await Client(base: backedUp.system.api).signedUp("ann")
            var (early, late, archived, all): ([String], [String], [String], [String]) = ([], [], [], [])
            var moment = Timestamp.now
            try await PostLedger.run(as: ann) { ledger in
                try await ledger.grow()
                try await backedUp.backUp()
                try backedUp.keepKeys()
                try await ledger.grow()
                early = ledger.acknowledged.map(\.stream)
                // The clock is read in milliseconds, and a commit may be later in the same one.
                moment = Timestamp.now.advanced(by: .milliseconds(1))
                try await eventually { Timestamp.now > moment }
                try await ledger.grow()
                late = ledger.acknowledged.filter { $0.askedAt > moment }.map(\.stream)
                archived = ledger.acknowledged.map(\.stream)
                try await backedUp.archiveAll()
                try await ledger.grow()
                try await backedUp.system.killEverything()
                all = ledger.acknowledged.map(\.stream)
            }
            #expect(!late.isEmpty && archived.count > early.count && all.count > archived.count)

            // With the files of the lost system nothing is missing.
            let whole = try await backedUp.restore(into: "whole", "--lost", backedUp.data)
            #expect(whole.code == 0, "\(whole.output)")
            #expect(whole.output.contains("checkpoints fit; events up to") && whole.output.contains(": equal, "), "\(whole.output)")
            #expect(try await backedUp.streams(in: "whole").isSuperset(of: all))

            // Without them, all that was archived.
            rename(backedUp.data, backedUp.root + "/gone")
            let latest = try await backedUp.restore(into: "latest")
            #expect(latest.code == 0, "\(latest.output)")
            #expect(try await backedUp.streams(in: "latest").isSuperset(of: archived))

            let before = try await backedUp.restore(into: "before", "--to", "\(moment)")
            #expect(before.code == 0, "\(before.output)")
            let streams = try await backedUp.streams(in: "before")
            #expect(streams.isSuperset(of: early) && streams.isDisjoint(with: late))

            let modes = [("", 0o711), ("/keys", 0o700), ("/keys/master.key", 0o600), ("/keys/services/auth.key", 0o600), ("/postgres/data", 0o700)]
            for (path, mode) in modes {
                let attributes = try FileManager.default.attributesOfItem(atPath: backedUp.root + "/whole" + path)
                #expect(attributes[.posixPermissions] as? Int == mode, "\(path)")
            }
            // It goes on from there, and into an archive of its own.
            let system = try await RunningSystem(
                dataDirectory: backedUp.root + "/whole", environment: ["ANNALS_BACKUP_FOLDER": backedUp.backups])
            let login = try await Client(base: system.api).call(
                .POST, "/auth/login", json: #"{"email":"ann@example.org","password":"a password of ann"}"#)
            let again = Client(base: system.api, token: login.data["accessToken"]?.text)
            let post = try await again.call(.POST, "/posts", json: #"{"title":"After","content":"x","publish":true}"#)
            #expect(post.status == 201)
            let read = try await Client(base: system.api).call(.GET, "/posts/by-slug/after", headers: ["Wait-For-Position": post.position])
            #expect(read.status == 200)
            // Another server that wrote its WAL a moment ago is left alone.
            _ = try await Shell.run("touch '\(backedUp.backups)'/wal-*/*")
            let keepOne = ["backup", "--folder", backedUp.backups, "--data-dir", system.dataDirectory, "--keep", "1"]
            let first = try await Launch.run(keepOne)
            #expect(first.code == 0 && !first.output.contains("Deleted the backup"), "\(first.output)")
            _ = try await Shell.run("touch -d '20 minutes ago' '\(backedUp.backups)'/wal-*/*")
            let next = try await Launch.run(keepOne)
            #expect(next.code == 0 && next.output.contains("Deleted the backup"), "\(next.output)")
            // The WAL of the lost server went with its last backup.
            let archives = try FileManager.default.contentsOfDirectory(atPath: backedUp.backups).filter { $0.hasPrefix("wal-") }
            let own = try String(contentsOfFile: system.dataDirectory + "/postgres/archive", encoding: .utf8)
            #expect(archives.map { $0 + "\n" } == [own])
            _ = await system.interrupt()
        }
    }
}

@Suite(.serialized, .timeLimit(.minutes(longestTest))) struct `A restore` {
    /// The one line that it ends with.
    private func refusal(_ result: (code: Int32, output: String)) throws -> String {
        #expect(result.code != 0)
        let lines = result.output.split(separator: "\n").filter { !$0.hasPrefix("restore") && $0 != "Replaying WAL…" }
        return try #require(lines.count == 1 ? lines.first.map(String.init) : nil, "\(result.output)")
    }

    @Test func `takes no backup that was interrupted, damaged or opened to others, and leaves nothing`() async throws {
        try await BackedUpSystem.with { backedUp in
            _ = try await Client(base: backedUp.system.api).signedUp("ann")
            try backedUp.keepKeys()
            // Killed as soon as there is something of it, and interrupted likewise.
            for signal in [SIGKILL, SIGINT] {
                try await eventually {
                    let before = try FileManager.default.contentsOfDirectory(atPath: backedUp.backups)
                    let backup = try Launch(["backup", "--folder", backedUp.backups, "--data-dir", backedUp.data])
                    try await eventually {
                        let names = try FileManager.default.contentsOfDirectory(atPath: backedUp.backups)
                        return names.contains { $0.hasSuffix(".partial") && !before.contains($0) } || !backup.process.isRunning
                    }
                    backup.process.signal(signal)
                    await backup.process.waitForExit()
                    // One that was faster is not the one that this is about.
                    let whole = try FileManager.default.contentsOfDirectory(atPath: backedUp.backups).filter { $0.hasSuffix("Z") }
                    for name in whole { try FileManager.default.removeItem(atPath: "\(backedUp.backups)/\(name)") }
                    return whole.isEmpty
                }
                let left = try FileManager.default.contentsOfDirectory(atPath: backedUp.backups).filter { $0.hasPrefix("2") }
                #expect(left.count == (signal == SIGKILL ? 1 : 0), "\(left)")
                let line = try refusal(try await backedUp.restore(into: "new"))
                #expect(line.hasPrefix("annals: there is no whole backup in \(backedUp.backups)"))
                if let partial = left.first {
                    #expect(line.hasSuffix("\(partial) was interrupted and is incomplete"))
                    #expect(
                        try refusal(try await backedUp.restore(into: "new", "--backup", String(partial.dropLast(".partial".count))))
                            .hasSuffix("is incomplete: it was interrupted"))
                }
            }

            let backup = try await backedUp.backUp()
            chmod(backup, 0o755)
            #expect(try refusal(try await backedUp.restore(into: "new")).contains("others may look into \(backup)"))
            chmod(backup, 0o700)
            try FileManager.default.moveItem(atPath: backup + "/data/PG_VERSION", toPath: backedUp.root + "/kept")
            #expect(try refusal(try await backedUp.restore(into: "new")).contains("is incomplete or was changed: "))
            try FileManager.default.moveItem(atPath: backedUp.root + "/kept", toPath: backup + "/data/PG_VERSION")
            try FileManager.default.moveItem(atPath: backup + "/backup.json", toPath: backedUp.root + "/record")
            #expect(try refusal(try await backedUp.restore(into: "new")).contains("there is no whole backup"))
            try FileManager.default.moveItem(atPath: backedUp.root + "/record", toPath: backup + "/backup.json")

            let left = try FileManager.default.contentsOfDirectory(atPath: backedUp.root).sorted()
            #expect(left == ["backups", "data", "safe"])
        }
    }

    @Test func `writes over nothing, and needs the keys and a moment that the backup leads to`() async throws {
        try await BackedUpSystem.with { backedUp in
            _ = try await Client(base: backedUp.system.api).signedUp("ann")
            let early = Timestamp.now
            try await backedUp.backUp()
            #expect(try refusal(try await backedUp.restore(into: "new")).contains("there is no master.key in \(backedUp.safe)"))
            try backedUp.keepKeys()
            #expect(try refusal(try await backedUp.restore(into: "data")).contains("is not empty, and nothing is restored over what is there"))
            #expect(try refusal(try await backedUp.restore(into: "new", "--to", "\(early)")).contains("no backup leads to \(early)"))
            let never = Timestamp.now.advanced(by: .seconds(86_400))
            let line = try refusal(try await backedUp.restore(into: "new", "--to", "\(never)"))
            #expect(line.contains("the backup and its WAL end before \(never), and nothing is restored; their last change is of "), "\(line)")
            chmod(backedUp.safe + "/master.key", 0o644)
            #expect(try refusal(try await backedUp.restore(into: "new")).contains("is open to every user of this machine"))
            chmod(backedUp.safe + "/master.key", 0o600)
            try Data(String(repeating: "5e", count: 32).utf8).write(to: URL(fileURLWithPath: backedUp.safe + "/master.key"))
            chmod(backedUp.safe + "/master.key", 0o600)
            let wrong = try await backedUp.restore(into: "new")
            #expect(wrong.code == 1 && wrong.output.contains("does not open what is in the vault"), "\(wrong.output)")
            #expect(wrong.output.contains("the master key in \(backedUp.safe)/master.key"), "\(wrong.output)")
            // The same command with the right keys does what it should.
            try backedUp.keepKeys()
            let right = try await backedUp.restore(into: "new")
            #expect(right.code == 0, "\(right.output)")

            let doctor = try await Launch.run(
                ["doctor", "--data-dir", backedUp.data], environment: ["ANNALS_BACKUP_FOLDER": backedUp.backups])
            #expect(doctor.output.contains("WAL is archived") && doctor.output.contains("the newest backup is 2"), "\(doctor.output)")
        }
    }
}

@Suite(.serialized, .timeLimit(.minutes(longestTest))) struct `A new master key` {
    @Test func `opens what the one before has sealed, also after an interruption, and is made while nothing runs`() async throws {
        try await withDataDirectory { directory in
            let first = try await RunningSystem(dataDirectory: directory)
            let ann = try await Client(base: first.api).signedUp("ann")
            _ = try await ann.call(.POST, "/posts", json: #"{"title":"Sealed","content":"before","publish":true}"#)
            let busy = try await Launch.run(["keys", "rotate-master", "--data-dir", directory])
            #expect(busy.code == 1 && busy.output.contains("is in use by"), "\(busy.output)")
            _ = await first.interrupt()
            let file = directory + "/keys/master.key"
            let old = try String(contentsOfFile: file, encoding: .utf8)

            // It was killed when the key had been made and nothing was wrapped yet.
            let made = String(repeating: "5e", count: 32) + "\n"
            try Data(made.utf8).write(to: URL(fileURLWithPath: file + ".next"))
            chmod(file + ".next", 0o600)
            let rotated = try await Launch.run(["keys", "rotate-master", "--data-dir", directory])
            #expect(rotated.code == 0, "\(rotated.output)")
            #expect(try String(contentsOfFile: file, encoding: .utf8) == made)
            #expect(try String(contentsOfFile: file + ".before", encoding: .utf8) == old)
            #expect(!FileManager.default.fileExists(atPath: file + ".next"))

            // It was killed in its last step. The key before stays what it is.
            try Data(made.utf8).write(to: URL(fileURLWithPath: file + ".next"))
            chmod(file + ".next", 0o600)
            let finished = try await Launch.run(["keys", "rotate-master", "--data-dir", directory])
            #expect(finished.code == 0, "\(finished.output)")
            #expect(try String(contentsOfFile: file + ".before", encoding: .utf8) == old)
            #expect(!FileManager.default.fileExists(atPath: file + ".next"))

            let second = try await RunningSystem(dataDirectory: directory)
            // The token from before is still good, so the signing key is.
            let again = Client(base: second.api, token: ann.token)
            let post = try await again.call(.POST, "/posts", json: #"{"title":"More","content":"after","publish":true}"#)
            #expect(post.status == 201)
            let verified = try await Launch.run(["projections", "verify", "--all", "--data-dir", directory])
            #expect(verified.code == 0, "\(verified.output)")
            let taken = try await Client(base: second.api).call(
                .POST, "/auth/register", json: #"{"username":"ann","email":"other@example.org","password":"a password of ann"}"#)
            #expect(taken.status == 409)
            _ = await second.interrupt()

            try Data(old.utf8).write(to: URL(fileURLWithPath: file))
            #expect(try await refusedStart(in: directory).contains("does not open what is in the vault"))
        }
    }
}
