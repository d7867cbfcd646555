import Foundation
import Glibc
import NIOHTTP1
import TestSupport
import Testing

/// Where a restore takes its parts from, and where it puts them.
@Suite(.serialized, .timeLimit(.minutes(longestTest))) struct `A restore's sources` {
    @Test func `must be of one server: another one's WAL is not taken`() async throws {
        try await BackedUpSystem.with { backedUp in
            _ = try await Client(base: backedUp.system.api).signedUp("ann")
            let backup = try await backedUp.backUp()
            try backedUp.keepKeys()
            let name = try #require(backup.split(separator: "/").last.map(String.init))
            let other = backedUp.root + "/other"
            let stranger = try await RunningSystem(dataDirectory: other, environment: ["ANNALS_BACKUP_FOLDER": backedUp.backups])
            _ = try await Client(base: stranger.api).signedUp("eve")
            try await stranger.killEverything()

            let named = try await backedUp.restore(into: "new", "--backup", name, "--lost", other)
            #expect(named.code == 1 && named.output.contains("\(other) is not the system that the backup \(name) is of"), "\(named.output)")
            let newest = try await backedUp.restore(into: "new", "--lost", other)
            #expect(newest.code == 1 && newest.output.contains("there is no whole backup in \(backedUp.backups)"), "\(newest.output)")
            #expect(!FileManager.default.fileExists(atPath: backedUp.root + "/new"))
            let own = try await backedUp.restore(into: "new", "--backup", name, "--lost", backedUp.data)
            #expect(own.code == 0, "\(own.output)")
        }
    }

    @Test func `must be named where several systems have backups in the folder`() async throws {
        try await BackedUpSystem.with { backedUp in
            _ = try await Client(base: backedUp.system.api).signedUp("ann")
            let backup = try await backedUp.backUp()
            try backedUp.keepKeys()
            let other = backedUp.root + "/other"
            let stranger = try await RunningSystem(dataDirectory: other, environment: ["ANNALS_BACKUP_FOLDER": backedUp.backups])
            let taken = try await Launch.run(["backup", "--folder", backedUp.backups, "--data-dir", other])
            #expect(taken.code == 0, "\(taken.output)")
            try await stranger.killEverything()

            let name = try #require(backup.split(separator: "/").last.map(String.init))
            let newest = try await backedUp.restore(into: "new")
            #expect(newest.code == 2, "\(newest.output)")
            #expect(newest.output.contains("has backups of 2 systems: name the one that you want by --backup"), "\(newest.output)")
            #expect(newest.output.contains(name) && !FileManager.default.fileExists(atPath: backedUp.root + "/new"))
            let own = try await backedUp.restore(into: "new", "--backup", name)
            #expect(own.code == 0, "\(own.output)")
        }
    }

    @Test func `must have all WAL: a gap is told with its place, and nothing is restored`() async throws {
        try await BackedUpSystem.with { backedUp in
            let ann = try await Client(base: backedUp.system.api).signedUp("ann")
            try await backedUp.backUp()
            try backedUp.keepKeys()
            for number in 1...4 {
                _ = try await ann.call(.POST, "/posts", json: #"{"title":"Post \#(number)","content":"x"}"#)
                try await backedUp.archiveAll()
            }
            let archive = try backedUp.archive()
            let segments = try FileManager.default.contentsOfDirectory(atPath: archive).filter { $0.count == 24 }.sorted()
            try #require(segments.count >= 4)
            let lost = segments[segments.count - 2]
            try FileManager.default.moveItem(atPath: "\(archive)/\(lost)", toPath: "\(backedUp.root)/lost")

            let whole = try await backedUp.restore(into: "new")
            #expect(whole.code == 1, "\(whole.output)")
            #expect(
                whole.output.contains("the WAL between \(segments[segments.count - 3]) and \(segments[segments.count - 1]) was not archived"),
                "\(whole.output)")
            #expect(!FileManager.default.fileExists(atPath: backedUp.root + "/new"))
            try FileManager.default.moveItem(atPath: "\(backedUp.root)/lost", toPath: "\(archive)/\(lost)")
            let again = try await backedUp.restore(into: "new")
            #expect(again.code == 0, "\(again.output)")
        }
    }

    private static let canMount =
        geteuid() == 0 && system("t=$(mktemp -d) && mount -t tmpfs -o size=1m none $t 2>/dev/null && umount $t && rmdir $t") == 0

    @Test(.enabled(if: canMount, "mounting takes root"))
    func `and its place may be mounted: the backups at the mount, the new data folder below one`() async throws {
        try await withDataDirectory { root in
            let (backups, disk) = (root + "/backups", root + "/disk")
            for folder in [backups, disk] {
                try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
                try #require(system("mount -t tmpfs -o size=512m,mode=755 none '\(folder)'") == 0)
            }
            chmod(root, 0o755)
            defer { for folder in [backups, disk] { _ = system("umount -l '\(folder)'") } }
            let running = try await RunningSystem(dataDirectory: root + "/data", environment: ["ANNALS_BACKUP_FOLDER": backups])
            let backedUp = BackedUpSystem(system: running, root: root)
            try FileManager.default.createDirectory(
                atPath: backedUp.safe, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            _ = try await Client(base: running.api).signedUp("ann")
            try await backedUp.backUp()
            try backedUp.keepKeys()
            try await backedUp.archiveAll()
            try await running.killEverything()

            let refused = try await backedUp.restore(into: "disk")
            #expect(refused.code == 1 && refused.output.contains("a file system is mounted at \(disk): name a folder below it"), "\(refused.output)")
            let below = try await backedUp.restore(into: "disk/data")
            #expect(below.code == 0, "\(below.output)")
            #expect(try await backedUp.streams(in: "disk/data").contains { $0.hasPrefix("user-") })
        }
    }
}
