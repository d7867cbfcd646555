import EventSourcing
import Foundation
import JSON
import Testing

@testable import BlogImport

@Suite(.timeLimit(.minutes(5))) struct `Importing a post whose date lies ahead` {
    private static let soon = Timestamp(milliseconds: Timestamp.now.milliseconds / 1000 * 1000).advanced(by: .seconds(86_400))
    private static let later = soon.advanced(by: .seconds(3600))

    private func blogOf(_ visibility: Visibility, text: String = "Text", date: Timestamp = soon) -> Blog {
        blog([
            "1.md": BlogPost(
                slug: "one", namesItsSlug: true, language: nil, title: "T", authors: ["ann"], date: date, visibility: visibility,
                asksToBePublic: true, content: text, images: [])
        ])
    }

    @Test func `schedules it, and a second import finds nothing to do`() async throws {
        let system = RecordedSystem()
        let (summary, _) = try await system.importing(blogOf(.scheduled(at: Self.soon)))
        #expect(system.posts[0].scheduledAt == Self.soon.description && !system.posts[0].isPublic)
        #expect(system.posts[0].entries.map(\.type) == ["PostDrafted", "PostScheduled"])
        #expect(summary.created == 1 && summary.scheduled == 1 && summary.drafts == 0)
        #expect(summary.description.contains("1 created (0 as drafts, 1 scheduled)"))
        let (again, _) = try await system.importing(blogOf(.scheduled(at: Self.soon)))
        #expect(again.unchanged == 1 && system.posts[0].entries.count == 2)
    }

    @Test func `leaves it to the system to publish it, and knows it for its own then`() async throws {
        let system = RecordedSystem()
        try await system.importing(blogOf(.scheduled(at: Self.soon)))
        // Its date has come, and the system has not got to it yet.
        let (waiting, _) = try await system.importing(blogOf(.everyone))
        #expect(waiting.unchanged == 1 && !system.posts[0].isPublic)
        system.passTime(of: "one")
        let (published, _) = try await system.importing(blogOf(.everyone))
        #expect(published.unchanged == 1 && system.posts[0].publishedAt == Self.soon.description)
        // Nobody has touched it, so the file still rules.
        let (updated, _) = try await system.importing(blogOf(.everyone, text: "Another text"), update: true)
        #expect(updated.updated == 1 && system.posts[0].content == "Another text")
    }

    @Test func `schedules what an earlier import has left a draft, or what a killed one has not come to`() async throws {
        let system = RecordedSystem()
        try await system.importing(blogOf(.draft(because: "its date lies ahead")))
        #expect(system.posts[0].scheduledAt == nil)
        let plan = system.plan(blogOf(.scheduled(at: Self.soon)))
        #expect(plan.entries.map(\.word) == ["schedule"] && plan.entries.map(\.state) == ["scheduled"])
        let (summary, _) = try await system.importing(blogOf(.scheduled(at: Self.soon)))
        #expect(summary.updated == 1 && system.posts[0].scheduledAt == Self.soon.description)
    }

    @Test func `moves and ends the schedule when the file says so`() async throws {
        let system = RecordedSystem()
        try await system.importing(blogOf(.scheduled(at: Self.soon)))
        let moved = blogOf(.scheduled(at: Self.later), date: Self.later)
        let (told, _) = try await system.importing(moved)
        #expect(told.told == 1 && system.posts[0].scheduledAt == Self.soon.description)
        try await system.importing(moved, update: true)
        #expect(system.posts[0].scheduledAt == Self.later.description)
        let expired = blogOf(.draft(because: "it expired"), date: Self.later)
        let (_, lines) = try await system.importing(expired)
        #expect(lines == ["posts/1.md: has expired, and its post is still scheduled; --update takes that back"])
        try await system.importing(expired, update: true)
        #expect(system.posts[0].scheduledAt == nil && !system.posts[0].isPublic)
        try await system.importing(blogOf(.everyone, text: "New"), update: true)
        #expect(system.posts[0].isPublic)
    }

    @Test func `hides a public post whose file gets a date that lies ahead`() async throws {
        let system = RecordedSystem()
        try await system.importing(blogOf(.everyone, date: Timestamp(milliseconds: 0)))
        try await system.importing(blogOf(.scheduled(at: Self.soon), text: "New"), update: true)
        #expect(!system.posts[0].isPublic && system.posts[0].scheduledAt == Self.soon.description)
        #expect(system.posts[0].entries.suffix(3).map(\.type) == ["PostUnpublished", "PostEdited", "PostScheduled"])
    }

    @Test func `reverses nothing that its author has done`() async throws {
        let system = RecordedSystem()
        try await system.importing(blogOf(.scheduled(at: Self.soon)))
        system.change("one", "PostUnscheduled") { $0.scheduledAt = nil }
        let (summary, _) = try await system.importing(blogOf(.scheduled(at: Self.soon)), update: true)
        #expect(summary.unchanged == 1 && system.posts[0].scheduledAt == nil)
    }

    @Test func `publishes it at once when its date comes while the import runs`() async throws {
        let system = RecordedSystem()
        let past = Timestamp.now.advanced(by: .seconds(-1))
        try await system.importing(blogOf(.scheduled(at: past), date: past))
        #expect(system.posts[0].isPublic && system.posts[0].publishedAt == past.description)
    }

    @Test func `is taken back with its schedule`() async throws {
        let system = RecordedSystem()
        let id = UUID.v7()
        try await system.importing(blogOf(.scheduled(at: Self.soon)), id: id)
        let summary = try await #require(ImportReversal(of: id, in: system.streams)).run(system.client)
        #expect(summary == ImportReversal.Summary(deleted: 1, kept: 0, failed: 0))
        #expect(system.posts.isEmpty)
        #expect(system.streams[0].entries.map(\.type) == ["PostDrafted", "PostScheduled", "PostUnscheduled", "PostDeleted"])
    }

    @Test func `is told in the plan`() {
        let entry = RecordedSystem().plan(blogOf(.scheduled(at: Self.soon))).entries[0]
        #expect(entry.word == "new" && entry.state == "scheduled")
        #expect(JSONValue.object(entry.json).serialized.contains(#""state":"scheduled","scheduledAt":"\#(Self.soon)""#))
    }
}
