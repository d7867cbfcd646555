import EventSourcing
import Logging
import Publishing
import TestSupport
import Testing

@testable import Projections

private let table = "CREATE TABLE t (\n    id uuid PRIMARY KEY,\n    n bigint\n);\n"
private let insert = "INSERT INTO t VALUES (:stream_id, :count)\nON CONFLICT (id) DO UPDATE SET n = t.n + :count\n"

private func startRefusal(_ files: [String: String]) async throws -> (ReadModelError?, leftBehind: [String]) {
    try await withReadDatabase { database in
        try await withProjections(["model": files]) { folder in
            var refusal: ReadModelError?
            do {
                try await project(History().store, into: database, folder: folder) { try await $0.caughtUp() }
            } catch let error as ReadModelError {
                refusal = error
            }
            let left = try await database.rows(
                "SELECT nspname FROM pg_namespace WHERE nspname = 'model' UNION ALL SELECT model FROM annals.checkpoints")
            return (refusal, left)
        }
    }
}

@Suite(.timeLimit(.minutes(15))) struct `A projector that starts` {
    @Test func `names the file and line of a statement that does not prepare, and leaves nothing behind`() async throws {
        let (refusal, left) = try await startRefusal(["table.sql": table, "PostViewed.sql": "-- views\nUPDATE t\nSET m = :count"])
        #expect(refusal?.description == #"model/PostViewed.sql:3: column "m" of relation "t" does not exist (42703)"#)
        #expect(left == [])
    }

    @Test func `counts lines over placeholders longer than their names`() async throws {
        let (refusal, _) = try await startRefusal(["table.sql": table, "PostViewed.sql": "UPDATE t SET n = :count\n\nWHERE m = 1"])
        #expect(refusal?.line == 3)
    }

    @Test func `names the file and line of tables that can not be made`() async throws {
        let (refusal, left) = try await startRefusal(["table.sql": table + "\nCREATE TABLE u (\n    n nonsense\n);"])
        #expect(refusal?.description == #"model/table.sql:7: type "nonsense" does not exist (42704)"#)
        #expect(left == [])
    }

    @Test func `goes on with the stored version when the folder has changed, and says so`() async throws {
        let history = History()
        try await history.tell(views: 1, of: .number(1))
        try await withReadDatabase { database in
            let first = ["table.sql": table, "PostViewed.sql": insert]
            try await withProjections(["model": first]) { folder in
                try await project(history.store, into: database, folder: folder) { projecting in
                    try await projecting.caughtUp()
                    try await eventually { projecting.group.statuses.map(\.isStale) == [false] }
                }
            }
            try await history.tell(views: 10, of: .number(1))
            let changed = ["table.sql": "CREATE TABLE other (a int)", "PostViewed.sql": "INSERT INTO other VALUES (:version)"]
            try await withProjections(["model": changed]) { folder in
                try await project(history.store, into: database, folder: folder) { projecting in
                    try await projecting.caughtUp()
                    try await eventually { projecting.group.statuses.map(\.isStale) == [true] }
                }
            }
            #expect(try await database.rows("SELECT n FROM model.t") == ["(11)"])
            #expect(try await database.rows("SELECT version <> folder_version FROM annals.checkpoints") == ["(t)"])
        }
    }

    @Test func `is not stale for a file that is not SQL`() async throws {
        try await withReadDatabase { database in
            for readme in ["one", "two"] {
                try await withProjections(["model": ["table.sql": table, "PostViewed.sql": insert, "README.md": readme]]) { folder in
                    let history = History()
                    try await project(history.store, into: database, folder: folder) { try await $0.caughtUp() }
                }
            }
            #expect(try await database.rows("SELECT version <> folder_version FROM annals.checkpoints") == ["(f)"])
        }
    }

    @Test func `makes the tables once when two start together`() async throws {
        let history = History()
        for number in UInt64(1)...30 { try await history.tell(views: 1, of: .number(number)) }
        try await withReadDatabase { database in
            try await withProjections(["model": ["table.sql": table, "PostViewed.sql": insert]]) { folder in
                try await project(history.store, into: database, folder: folder) { first in
                    try await project(history.store, into: database, folder: folder) { second in
                        try await first.caughtUp()
                        try await second.caughtUp()
                    }
                }
                #expect(try await database.rows("SELECT count(*), sum(n) FROM model.t") == ["(30,30)"])
            }
        }
    }

    @Test(arguments: [0, 2]) func `stops loudly when the log has been restored to an older state`(newEvents: Int) async throws {
        let history = History()
        for _ in 1...3 { try await history.tell(views: 1, of: .number(1)) }
        let restored = History()
        // Shorter than the old log, or grown past it with other events.
        for _ in 0..<newEvents * 2 { try await restored.tell(views: 1, of: .number(1)) }
        try await withReadDatabase { database in
            try await project(history.store, into: database) { try await $0.caughtUp() }
            let before = try await database.everything()
            let log = SpokenLog()
            let statuses = try await project(restored.store, into: database, logger: log.logger) { projecting in
                for _ in projecting.group.models { #expect(await log.line(with: "critical the projector has stopped") != nil) }
                try await eventually { projecting.group.statuses.allSatisfy { if case .stopped = $0.state { true } else { false } } }
                return projecting.group.statuses
            }
            let stop = ProjectorStop.logRewritten(position: 3)
            #expect(!statuses.isEmpty && statuses.allSatisfy { $0.state == .stopped(reason: "\(stop)") })
            #expect(try await database.everything() == before)
        }
    }
}
