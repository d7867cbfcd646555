import FoundationEssentials
import Postgres
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(15))) struct `A migrator` {
    /// A folder of migrations for one test.
    private func withFolder(_ files: [String: String], _ body: (String, ConnectionTarget) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "migrations-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(at: folder) } }
        for (name, sql) in files { try write(name, sql, in: folder.path) }
        try await TestCluster.withDatabase { target in try await body(folder.path, target) }
    }

    private func write(_ name: String, _ sql: String, in folder: String) throws {
        try Data(sql.utf8).write(to: URL(filePath: "\(folder)/\(name)"))
    }

    private func migrate(_ folder: String, _ target: ConnectionTarget) async throws -> [Int] {
        try await Migrator(directory: folder, logger: TestCluster.logger).migrate(target).map(\.version)
    }

    private func states(_ folder: String, _ target: ConnectionTarget) async throws -> [String] {
        try await Migrator(directory: folder, logger: TestCluster.logger).status(target).map { status in
            switch status.state {
            case .pending: "\(status.version) pending"
            case .applied(let time): time > 1_700_000_000_000 ? "\(status.version) applied" : "\(status.version) at an odd time"
            case .edited: "\(status.version) edited"
            case .unknown: "\(status.version) unknown"
            }
        }
    }

    private let two = [
        "0001_one.sql": "CREATE TABLE one (); CREATE TABLE uno ();", "0002_two.sql": "CREATE TABLE two ();", "notes.txt": "not a migration",
    ]

    @Test func `applies each file once, in order`() async throws {
        try await withFolder(two) { folder, target in
            try await #expect(states(folder, target) == ["1 pending", "2 pending"])
            try await #expect(migrate(folder, target) == [1, 2])
            try await #expect(migrate(folder, target) == [])
            try write("0010_ten.sql", "ALTER TABLE one ADD a int;", in: folder)
            try await #expect(states(folder, target) == ["1 applied", "2 applied", "10 pending"])
            try await #expect(migrate(folder, target) == [10])
        }
    }

    @Test func `takes turns with another one`() async throws {
        try await withFolder(two) { folder, target in
            let applied = try await withThrowingTaskGroup(of: [Int].self) { group in
                for _ in 0..<2 { group.addTask { try await migrate(folder, target) } }
                return try await group.reduce([], +)
            }
            #expect(applied.sorted() == [1, 2])
        }
    }

    @Test func `refuses a file that was changed after it was applied`() async throws {
        try await withFolder(two) { folder, target in
            _ = try await migrate(folder, target)
            try write("0001_one.sql", "CREATE TABLE one ();", in: folder)
            await #expect(throws: MigrationError.edited(name: "0001_one.sql")) { try await migrate(folder, target) }
            try await #expect(states(folder, target) == ["1 edited", "2 applied"])
        }
    }

    @Test func `takes a file with CRLF line ends for the same file`() async throws {
        let lines = ["CREATE TABLE one (", "    text text DEFAULT 'a", "b'", ");", ""]
        try await withFolder(["0001_one.sql": lines.joined(separator: "\n")]) { folder, target in
            _ = try await migrate(folder, target)
            try write("0001_one.sql", lines.joined(separator: "\r\n"), in: folder)
            try await #expect(states(folder, target) == ["1 applied"])
            try await #expect(migrate(folder, target) == [])
        }
        try await withFolder(["0001_one.sql": lines.joined(separator: "\r\n")]) { folder, target in
            _ = try await migrate(folder, target)
            try write("0001_one.sql", lines.joined(separator: "\n"), in: folder)
            try await #expect(migrate(folder, target) == [])
        }
    }

    @Test func `takes a renamed file for the same file`() async throws {
        try await withFolder(two) { folder, target in
            _ = try await migrate(folder, target)
            try FileManager.default.moveItem(atPath: "\(folder)/0001_one.sql", toPath: "\(folder)/0001_first.sql")
            try await #expect(migrate(folder, target) == [])
            try await #expect(states(folder, target) == ["1 applied", "2 applied"])
        }
    }

    @Test func `refuses a database of another build, and names what it found`() async throws {
        try await withFolder(two) { folder, target in
            _ = try await migrate(folder, target)
            for name in ["0001_one.sql", "0002_two.sql"] { try FileManager.default.removeItem(atPath: "\(folder)/\(name)") }
            try write("0001_all.sql", "CREATE TABLE one (); CREATE TABLE two ();", in: folder)
            await #expect(throws: MigrationError.otherBuild(applied: "0001_one.sql", expected: "0001_all.sql")) { try await migrate(folder, target) }
            try await #expect(states(folder, target) == ["1 unknown", "2 unknown"])
        }
    }

    @Test func `refuses a database that is newer than its files`() async throws {
        try await withFolder(two) { folder, target in
            _ = try await migrate(folder, target)
            try FileManager.default.removeItem(atPath: "\(folder)/0002_two.sql")
            await #expect(throws: MigrationError.databaseIsNewer(version: 2)) { try await migrate(folder, target) }
            try await #expect(states(folder, target) == ["1 applied", "2 unknown"])
        }
    }

    @Test func `refuses a file that comes too late`() async throws {
        try await withFolder(["0002_two.sql": "CREATE TABLE two ()"]) { folder, target in
            _ = try await migrate(folder, target)
            try write("0001_one.sql", "CREATE TABLE one ()", in: folder)
            await #expect(throws: MigrationError.outOfOrder(name: "0001_one.sql")) { try await migrate(folder, target) }
        }
    }

    @Test func `undoes a file that fails and names it and the line`() async throws {
        try await withFolder(["0001_good.sql": "CREATE TABLE good ();", "0002_bad.sql": "CREATE TABLE bad ();\n-- ünïcode\nSELEKT 1;\n"]) {
            folder, target in
            let error = await #expect(throws: MigrationError.self) { try await migrate(folder, target) }
            guard case .failed("0002_bad.sql", line: 3, _)? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            try await #expect(states(folder, target) == ["1 applied", "2 pending"])
            try write("0002_bad.sql", "CREATE TABLE bad ();", in: folder)
            try await #expect(migrate(folder, target) == [2])
        }
    }

    @Test func `refuses a file that ends its transaction`() async throws {
        try await withFolder(["0001_sly.sql": "COMMIT;"]) { folder, target in
            let error = await #expect(throws: MigrationError.self) { try await migrate(folder, target) }
            guard case .failed("0001_sly.sql", _, _)? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
    }

    @Test func `refuses folders and names it can't read`() async throws {
        #expect(throws: MigrationError.unreadable(path: "/nowhere")) { try Migrator(directory: "/nowhere", logger: TestCluster.logger) }
        try await withFolder(["one.sql": ""]) { folder, target in
            await #expect(throws: MigrationError.misnamed(name: "one.sql")) { try await migrate(folder, target) }
        }
        try await withFolder(["1_a.sql": "", "0001_b.sql": ""]) { folder, target in
            await #expect(throws: MigrationError.outOfOrder(name: "1_a.sql")) { try await migrate(folder, target) }
        }
    }
}
