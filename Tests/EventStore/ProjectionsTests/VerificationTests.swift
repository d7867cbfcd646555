import EventSourcing
import EventStoreTesting
import FoundationEssentials
import Postgres
import Publishing
import Testing

@testable import Projections

@Suite(.timeLimit(.minutes(15))) struct `A verification` {
    private func verified(
        _ history: History, _ alter: String = "", models: [String] = ["posts", "users", "view_counts", "trending"]
    ) async throws -> [VerificationReport] {
        try await withReadDatabase { database in
            try await project(history.store, into: database) { projecting in
                try await projecting.caughtUp()
                if !alter.isEmpty { try await database.run(alter) }
                var reports: [VerificationReport] = []
                for model in models { reports.append(try await database.maintenance(history.store).verify(model)) }
                #expect(try await database.schemas().count == 4)
                return reports
            }
        }
    }

    @Test func `finds live tables equal to a fold of any history`() async throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        print("seed \(seed)")
        let history = History(step: .milliseconds(731_113))
        try await history.tellAtRandom(1500, seed: seed)
        let head = try await history.store.head()
        for report in try await verified(history) {
            #expect(report.isEqual, "\(report) seed \(seed)")
            #expect(report.position == head && report.lag == 0)
            #expect(report.rows.values.reduce(0, +) > 0)
        }
    }

    @Test func `names the rows that differ by their keys, and the columns, and nothing else of them`() async throws {
        let history = History()
        for number in UInt64(1)...5 {
            try await history.tell(.registered(username: .known("u\(number)"), email: .known("e\(number)"), role: .user), of: .number(number))
        }
        let alter = """
            UPDATE users.account SET email = 'secret', bio = 'secret' WHERE id = '\(UUID.number(2).lowercased)';
            DELETE FROM users.account WHERE id = '\(UUID.number(3).lowercased)';
            INSERT INTO users.account SELECT gen_random_uuid(), 'x', 'x', 'x', 'x', 'user', 'active', now(), now(), 1;
            """
        let report = try await verified(history, alter, models: ["users"])[0]
        #expect(!report.isEqual)
        let kinds = report.differences.map(\.kind)
        #expect(kinds.contains(.columns(["bio", "email"])) && kinds.contains(.foldOnly) && kinds.contains(.liveOnly) && kinds.count == 3)
        #expect(report.differences.contains { $0.key == "id \(UUID.number(2).lowercased)" && $0.kind == .columns(["bio", "email"]) })
        #expect(!report.differences.map(\.description).joined().contains("secret"))
    }

    @Test func `names ten rows at most of each table`() async throws {
        let history = History()
        for number in UInt64(1)...50 { try await history.tell(views: 1, of: .number(number)) }
        let report = try await verified(history, "UPDATE view_counts.total SET count = 7", models: ["view_counts"])[0]
        #expect(report.differences.map(\.table) == Array(repeating: "total", count: 10))
    }

    @Test func `notices a table that is gone or was added`() async throws {
        let history = History()
        // So that the projector has begun when the table goes.
        try await history.tell(views: 1, of: .number(1))
        let report = try await verified(history, "ALTER TABLE posts.post RENAME TO other", models: ["posts"])[0]
        #expect(report.differences.map(\.table) == ["other", "post"])
    }

    @Test func `compares at the place of the live tables, however far the log is`() async throws {
        let history = History()
        for _ in 1...3 { try await history.tell(views: 1, of: .number(1)) }
        try await withReadDatabase { database in
            try await project(history.store, into: database) { try await $0.caughtUp() }
            for _ in 1...3 { try await history.tell(views: 1, of: .number(1)) }
            let report = try await database.maintenance(history.store).verify("view_counts")
            #expect(report.isEqual && report.position == 3)
            #expect(report.lag == 3)
        }
    }

    @Test func `holds while events are applied`() async throws {
        let history = History()
        for _ in 1...1000 { try await history.tell(views: 1, of: .number(.random(in: 1...20))) }
        try await withReadDatabase { database in
            try await project(history.store, into: database) { projecting in
                try await projecting.caughtUp()
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        for _ in 1...3000 where !Task.isCancelled {
                            try await history.tell(views: 1, of: .number(.random(in: 1...20)))
                            await Task.yield()
                        }
                    }
                    for _ in 1...3 {
                        let report = try await database.maintenance(history.store).verify("view_counts")
                        #expect(report.isEqual, "\(report)")
                    }
                    group.cancelAll()
                }
            }
        }
    }

    @Test func `names parked and discarded events apart`() async throws {
        let history = History()
        for post in UInt64(1)...3 { for _ in 1...7 { try await history.tell(views: post == 3 ? 0 : 1, of: .number(post)) } }
        try await withReadDatabase { database in
            try await withProjections(PickyModel.folder) { folder in
                try await project(history.store, into: database, folder: folder) { projecting in
                    try await projecting.caughtUp()
                    let target = database.target
                    let parked = ParkedEvents(target, store: history.store, catalog: .publishing, logger: .silent)
                    for position in [6, 7] as [Int64] { _ = try await parked.discard("model", position: position) }
                    let report = try await database.maintenance(history.store).verify("model")
                    #expect(report.hasEqualRows && !report.isEqual)
                    #expect(report.parked == [StreamName("views", .number(2))])
                    #expect(report.discarded == [6, 7])
                    // A row that is wrong besides is found all the same.
                    try await database.run("UPDATE model.t SET n = 4 WHERE id = '\(UUID.number(3).lowercased)'")
                    let wrong = try await database.maintenance(history.store).verify("model")
                    #expect(wrong.differences.map(\.kind) == [.columns(["n"])])
                }
            }
        }
    }
}
