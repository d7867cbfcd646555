import EventSourcing
import Testing

@testable import Publishing

@Suite struct `The state of a post` {
    private let draft = Post(author: Sample.ann, title: .known("On Slugs"), slug: .known("on-slugs"), content: .known("Text."))

    private static let later: [PostEvent] = [
        .edited(title: .known("x"), slug: nil, content: nil), .published(publishedAt: nil), .unpublished,
    ]

    private var edited: Post {
        var post = draft
        post.title = .known("New")
        post.content = .forgotten
        return post
    }

    @Test func `is a draft from drafting on`() {
        #expect(PostRules.fold([]) == .nonexistent)
        #expect(PostRules.fold([Sample.drafted]) == .draft(draft))
    }

    @Test func `keeps what an edit leaves out`() {
        let edit = PostEvent.edited(title: .known("New"), slug: nil, content: .forgotten)
        #expect(PostRules.fold([Sample.drafted, edit]) == .draft(edited))
        #expect(PostRules.fold([Sample.drafted, .published(publishedAt: Sample.time), edit]) == .published(edited, publishedAt: Sample.time))
    }

    @Test func `is published until unpublished`() {
        #expect(PostRules.fold([Sample.drafted, .published(publishedAt: nil)]) == .published(draft, publishedAt: nil))
        #expect(PostRules.fold([Sample.drafted, .published(publishedAt: Sample.time), .unpublished]) == .draft(draft))
        #expect(PostRules.fold([Sample.drafted, .unpublished]) == .draft(draft))
    }

    @Test func `is gone after deletion, but for its author`() {
        for events in [[Sample.drafted, .deleted], [Sample.drafted, .published(publishedAt: nil), .deleted]] {
            #expect(PostRules.fold(events) == .deleted(author: Sample.ann))
            #expect(PostRules.fold(events).post == nil)
            #expect(PostRules.fold(events).author == Sample.ann)
        }
    }

    @Test(arguments: later + [.deleted]) func `stays deleted`(event: PostEvent) {
        #expect(PostRules.fold([Sample.drafted, .deleted, event]) == .deleted(author: Sample.ann))
    }

    @Test(arguments: later + [.deleted]) func `stays nonexistent without drafting`(event: PostEvent) {
        #expect(PostRules.fold([event]) == .nonexistent)
    }
}

@Suite struct `The time of publication` {
    private func history(_ events: PostEvent...) -> [RecordedEvent] {
        events.enumerated().map { Sample.recorded(PostRules.encode($1), at: Timestamp(milliseconds: Int64($0))) }
    }

    @Test func `is when it was recorded`() throws {
        let edit = PostEvent.edited(title: .known("x"), slug: nil, content: nil)
        #expect(try PostRules.publicationTime(in: history(Sample.drafted, .published(publishedAt: nil), edit)) == Timestamp(milliseconds: 1))
    }

    @Test func `is the author's where one was named`() throws {
        #expect(try PostRules.publicationTime(in: history(Sample.drafted, .published(publishedAt: Sample.time))) == Sample.time)
    }

    @Test func `is the last one's`() throws {
        let events = history(Sample.drafted, .published(publishedAt: Sample.time), .unpublished, .published(publishedAt: nil))
        #expect(try PostRules.publicationTime(in: events) == Timestamp(milliseconds: 3))
    }

    @Test func `is none for what is not public`() throws {
        #expect(try PostRules.publicationTime(in: []) == nil)
        #expect(try PostRules.publicationTime(in: history(Sample.drafted)) == nil)
        #expect(try PostRules.publicationTime(in: history(Sample.drafted, .published(publishedAt: nil), .unpublished)) == nil)
        #expect(try PostRules.publicationTime(in: history(Sample.drafted, .published(publishedAt: nil), .deleted)) == nil)
    }
}
