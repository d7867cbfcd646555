import EventSourcing
import FoundationEssentials
import JSON
import Publishing
import Testing

@testable import Projections

private let folder = [
    "model": [
        "table.sql": "CREATE TABLE t (id uuid PRIMARY KEY, title text CONSTRAINT good CHECK (title <> 'bad'))",
        "PostDrafted.sql": "INSERT INTO t VALUES (:stream_id, :title)",
        "PostDrafted.set.sql": "INSERT INTO t SELECT e.stream_id, e.title FROM :events AS e",
        "PostEdited.sql": "UPDATE t SET title = :title WHERE id = :stream_id",
        "PostDeleted.sql": "DELETE FROM t WHERE id = :stream_id",
    ]
]

/// The second event at fault. It belongs into the group before that of the first.
enum PoisonedDraft: CaseIterable {
    /// Their group is too small for the set form.
    case rejected
    case unreadable
    case rejectedInSet
    case unreadableInSet

    private var isUnreadable: Bool { self == .unreadable || self == .unreadableInSet }

    /// How many drafts follow it.
    var others: UInt64 {
        switch self {
        case .rejected, .unreadable: 0
        case .rejectedInSet, .unreadableInSet: 5
        }
    }

    var draft: NewEvent {
        let draft = PostRules.encode(.titled("bad"))
        guard isUnreadable else { return draft }
        var data = draft.data
        data["title"] = .integer(7)
        return NewEvent(type: draft.type, schemaVersion: draft.schemaVersion, data: data)
    }

    var parked: [String] { ["(3,failed,23514)", isUnreadable ? "(4,failed,)" : "(4,failed,23514)"] }
}

extension PostEvent {
    fileprivate static func titled(_ title: String) -> PostEvent {
        .drafted(author: .number(9), title: .known(title), slug: .known("s"), content: .known("c"))
    }
}

@Suite(.timeLimit(.minutes(15))) struct `Two events at fault in one batch` {
    @Test(arguments: PoisonedDraft.allCases) func `are each parked, the first of the log first, live and in a rebuild`(second: PoisonedDraft)
        async throws
    {
        let history = History()
        for post in UInt64(1)...2 { try await history.tell(.titled("good"), of: .number(post)) }
        try await history.tell(.edited(title: .known("bad"), slug: nil, content: nil), of: .number(2))
        try await history.tell(second.draft, in: StreamName("post", .number(3)))
        for post in 0..<second.others { try await history.tell(.titled("good"), of: .number(4 + post)) }
        let good = Int(2 + second.others)
        let store = history.store
        try await withReadDatabase { database in
            let rows = "SELECT count(*), count(*) FILTER (WHERE title = 'good') FROM model.t"
            let parked =
                "SELECT e.position, e.state, e.sqlstate FROM annals.checkpoints JOIN annals.parked_events AS e USING (build) ORDER BY e.position"
            try await withProjections(folder) { folder in
                try await project(store, into: database, folder: folder) { try await $0.caughtUp() }
                #expect(try await database.rows(parked) == second.parked)
                #expect(try await database.rows(rows) == ["(\(good),\(good))"])

                let model = try ReadModel.load(folder: "\(folder)/model", catalog: .publishing)
                for workers in 1...2 {
                    let report = try await database.maintenance(store).rebuild(model, workers: workers)
                    #expect(report.parkedStreams == 2)
                    #expect(try await database.rows(parked) == second.parked)
                    #expect(try await database.rows(rows) == ["(\(good),\(good))"])
                }
            }
        }
    }
}
