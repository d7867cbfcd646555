import EventSourcing
import Publishing
import Testing

@Suite struct `No post under this id` {
    @Test func `can be drafted`() throws {
        #expect(given(PostRules.self).when(try draft(publish: false)) == .success([Sample.drafted]))
    }

    @Test func `can be drafted and published at once`() throws {
        #expect(given(PostRules.self).when(try draft(publish: true)) == .success([Sample.drafted, .published(publishedAt: nil)]))
    }

    @Test(arguments: commands(by: Sample.asAdmin)) func `can't be anything else, even for an admin`(command: PostCommand) {
        #expect(given(PostRules.self).when(command) == .failure(.notFound))
    }
}

@Suite struct `A draft` {
    let post = given(PostRules.self, Sample.drafted)

    @Test func `can't be drafted again`() throws {
        #expect(post.when(try draft(publish: true)) == .failure(.alreadyDrafted))
    }

    @Test(arguments: commands(by: Sample.asBob)) func `is not there for anybody else`(command: PostCommand) {
        #expect(post.when(command) == .failure(.notVisible))
    }

    @Test(arguments: [Sample.asAnn, Sample.asAdmin]) func `is its author's and the admins'`(actor: Actor) {
        #expect(post.when(.edit(by: actor, PostEdit(title: "New"))) == .success([.edited(title: .known("New"), slug: nil, content: nil)]))
        #expect(post.when(.publish(by: actor, at: nil)) == .success([.published(publishedAt: nil)]))
        #expect(post.when(.delete(by: actor)) == .success([.deleted]))
    }

    @Test func `can be published at a time in the past`() {
        #expect(post.when(.publish(by: Sample.asAnn, at: Sample.time)) == .success([.published(publishedAt: Sample.time)]))
    }

    @Test func `needs no unpublishing`() {
        #expect(post.when(.unpublish(by: Sample.asAnn)) == .success([]))
    }

    @Test func `records only the fields that differ`() throws {
        let edit = PostEdit(title: "On Slugs", slug: "other", content: "Text.")
        #expect(post.when(.edit(by: Sample.asAnn, edit)) == .success([.edited(title: nil, slug: .known("other"), content: nil)]))
    }

    @Test func `records nothing when nothing differs`() throws {
        #expect(post.when(.edit(by: Sample.asAnn, PostEdit())) == .success([]))
        let same = PostEdit(title: "On Slugs", slug: "on-slugs", content: "Text.")
        #expect(post.when(.edit(by: Sample.asAnn, same)) == .success([]))
    }

    @Test func `takes another spelling of the same letters for an edit`() {
        let composed = given(PostRules.self, Sample.drafted, .edited(title: .known("\u{E9}"), slug: nil, content: nil))
        guard case .success(let events) = composed.when(.edit(by: Sample.asAnn, PostEdit(title: "e\u{301}"))) else {
            Issue.record("refused")
            return
        }
        #expect(events.count == 1)
    }
}

@Suite struct `A published post` {
    let post = given(PostRules.self, Sample.drafted, .published(publishedAt: nil))

    @Test func `is published again only at another time`() {
        #expect(post.when(.publish(by: Sample.asAnn, at: nil)) == .success([]))
        #expect(post.when(.publish(by: Sample.asAnn, at: Sample.time)) == .success([.published(publishedAt: Sample.time)]))
    }

    @Test func `can be edited, unpublished and deleted`() {
        #expect(
            post.when(.edit(by: Sample.asAnn, PostEdit(content: "More."))) == .success([.edited(title: nil, slug: nil, content: .known("More."))]))
        #expect(post.when(.unpublish(by: Sample.asAnn)) == .success([.unpublished]))
        #expect(post.when(.delete(by: Sample.asAnn)) == .success([.deleted]))
    }

    @Test(arguments: commands(by: Sample.asBob)) func `is nobody else's business`(command: PostCommand) {
        #expect(post.when(command) == .failure(.notAuthor))
    }

    @Test(arguments: commands(by: Sample.asBob)) func `that is unpublished is not there for anybody else any more`(command: PostCommand) {
        #expect(given(PostRules.self, Sample.drafted, .published(publishedAt: nil), .unpublished).when(command) == .failure(.notVisible))
    }
}

@Suite struct `A deleted post` {
    let post = given(PostRules.self, Sample.drafted, .deleted)

    @Test(arguments: commands(by: Sample.asAnn) + commands(by: Sample.asAdmin)) func `stays deleted`(command: PostCommand) {
        #expect(post.when(command) == .failure(.deleted))
    }

    @Test(arguments: commands(by: Sample.asBob)) func `does not tell strangers so`(command: PostCommand) {
        #expect(post.when(command) == .failure(.notVisible))
    }

    @Test func `can't be drafted again`() throws {
        #expect(post.when(try draft(publish: false)) == .failure(.alreadyDrafted))
    }
}

private func draft(publish: Bool) throws -> PostCommand {
    .draft(author: Sample.ann, title: "On Slugs", slug: "on-slugs", content: "Text.", publish: publish)
}

private func commands(by actor: Actor) -> [PostCommand] {
    [.edit(by: actor, PostEdit(title: "New")), .publish(by: actor, at: nil), .unpublish(by: actor), .delete(by: actor)]
}
