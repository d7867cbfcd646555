import EventSourcing
import FoundationEssentials
import Publishing
import TestSupport
import Testing

@testable import Projections

extension ReadDatabase {
    /// Changes what is kept of the one version, as another program may have stored it.
    fileprivate func store(_ text: String, as file: String) async throws {
        try await run("UPDATE annals.read_model_versions SET sql = sql || jsonb_build_object('\(file)', $text$\(text)$text$) WHERE model = 'model'")
    }
}

@Suite(.timeLimit(.minutes(15))) struct `The stored SQL of tables whose folder has changed` {
    private let history = History()

    /// Tables made by a version of which another text is kept; then the folder is changed.
    private func changing(
        _ file: String, to text: String, beside other: [String: [String: String]] = [:], log: SpokenLog = SpokenLog(),
        _ body: @escaping @Sendable (ReadDatabase, Projecting) async throws -> Void
    ) async throws {
        try await history.tell(views: 1, of: .number(1))
        try await withReadDatabase { [history] database in
            try await withProjections(["model": ReadModel.viewSums("n")]) { folder in
                try await project(history.store, into: database, folder: folder) { try await $0.caughtUp() }
            }
            try await database.store(text, as: file)
            try await history.tell(views: 10, of: .number(1))
            try await withProjections(["model": ReadModel.viewSums("total")].merging(other) { _, new in new }) { folder in
                try await project(history.store, into: database, folder: folder, logger: log.logger) { try await body(database, $0) }
            }
        }
    }

    @Test func `is gone on with, although it would be refused today`() async throws {
        try await changing("indexes.sql", to: "CREATE INDEX t_n ON t (n) WHERE n::text <> E'now\\n'") { database, projecting in
            try await projecting.caughtUp()
            try await eventually { projecting.group.statuses.map(\.isStale) == [true] }
            #expect(try await database.rows("SELECT n FROM model.t") == ["(11)"])
            let report = try await database.maintenance(projecting.store).verify("model")
            #expect(report.isEqual)
        }
    }

    @Test func `that could not be used leaves nothing stale behind, once a folder newer than the process has read was rebuilt`() async throws {
        let log = SpokenLog()
        try await changing("PostPinned.sql", to: "DELETE FROM t", log: log) { [history] database, projecting in
            _ = await log.line(with: "critical the projector has stopped")
            _ = try await database.maintenance(projecting.store).rebuild(.viewSums("newest"))
            _ = await log.line(with: "the projector begins again")
            try await history.tell(views: 1, of: .number(1))
            try await projecting.caughtUp()
            #expect(try await database.rows("SELECT version = folder_version FROM annals.checkpoints") == ["(t)"])
            try await eventually { projecting.group.statuses.map(\.isStale) == [false] }
        }
    }

    @Test func `stops its read model alone when it can not be used, until that is rebuilt`() async throws {
        let log = SpokenLog()
        let other: [String: [String: String]] = ["other": ReadModel.viewSums("n", factor: 1)]
        try await changing("PostPinned.sql", to: "DELETE FROM t", beside: other, log: log) { database, projecting in
            let line = await log.line(with: "critical the projector has stopped")
            #expect(line?.contains("model/PostPinned.sql: there is no event type PostPinned") == true)
            let isReached = try await projecting.positions.wait(for: 2, models: ["other"], timeout: patience)
            #expect(isReached)
            _ = try await database.maintenance(projecting.store).rebuild(.viewSums("total"))
            try await projecting.caughtUp()
            #expect(try await database.rows("SELECT total FROM model.t") == ["(11)"])
        }
    }
}
