import EventSourcing
import Publishing
import Testing

@Suite struct `The claims of an account` {
    private let stream = StreamName(UserRules.category, Sample.ann)
    private let active = ClaimChange.take(.active, value: "01980000-0000-7000-8000-0000000000a1")

    private func claims(for event: UserEvent) -> [ClaimChange] { UserRules.claims(for: [event], in: .unregistered, on: stream) }

    @Test func `are taken at registration`() {
        #expect(claims(for: Sample.registered) == [.take(.username, value: "ann"), .take(.email, value: "ann@example.org"), active])
    }

    @Test func `compare emails in normal form and lower case`() {
        #expect(claims(for: .emailChanged(email: .known("\u{C9}VA@Example.ORG"))) == [.take(.email, value: "\u{E9}va@example.org")])
        #expect(claims(for: .emailChanged(email: .known("E\u{301}va@example.org"))) == [.take(.email, value: "\u{E9}va@example.org")])
    }

    @Test func `follow a new username only`() {
        #expect(claims(for: .profileChanged(username: .known("eve"), displayName: .known("E"), bio: nil)) == [.take(.username, value: "eve")])
        #expect(claims(for: .profileChanged(username: nil, displayName: .known("E"), bio: nil)).isEmpty)
        #expect(claims(for: .roleChanged(role: .admin)).isEmpty)
    }

    @Test func `to be active go and come with deactivation and reactivation`() {
        #expect(claims(for: .deactivated) == [.release(.active)])
        #expect(claims(for: .reactivated) == [active])
    }

    @Test func `to be active is needed to become an admin, but not to stop being one`() {
        let open = UserRules.fold([Sample.registered])
        #expect(UserRules.claims(for: [.roleChanged(role: .admin)], in: open, on: stream) == [.requireActive(Sample.ann)])
        #expect(UserRules.claims(for: [.roleChanged(role: .user)], in: open, on: stream).isEmpty)
        // A role without rights, until the reactivation takes the claim.
        let out = UserRules.fold([Sample.registered, .deactivated])
        #expect(UserRules.claims(for: [.roleChanged(role: .admin)], in: out, on: stream).isEmpty)
    }

    @Test func `are all given up at closure`() {
        #expect(claims(for: .closed) == [.release(.email), .release(.username), .release(.active)])
    }

    @Test func `of a forgotten value are none`() {
        #expect(claims(for: .emailChanged(email: .forgotten)).isEmpty)
    }

    @Test func `can be required by what its user does`() {
        #expect(ClaimChange.requireActive(Sample.ann) == .require(.active, holder: stream))
    }

    @Test func `go with its own key`() {
        #expect(UserRules.subject(of: [Sample.registered], in: .unregistered, on: stream) == Sample.ann)
    }
}

@Suite struct `The claim of a post` {
    private let stream = StreamName(PostRules.category, Sample.bob)
    private let state = PostRules.fold([Sample.drafted])

    @Test func `is its slug, from drafting to deletion`() {
        #expect(
            PostRules.claims(for: [Sample.drafted, .published(publishedAt: nil)], in: .nonexistent, on: stream) == [.take(.slug, value: "on-slugs")])
        let edit = PostEvent.edited(title: nil, slug: .known("other"), content: nil)
        #expect(PostRules.claims(for: [edit], in: state, on: stream) == [.take(.slug, value: "other")])
        #expect(PostRules.claims(for: [.deleted], in: state, on: stream) == [.release(.slug)])
    }

    @Test func `does not change with anything else`() {
        let events: [PostEvent] = [.edited(title: .known("x"), slug: nil, content: nil), .published(publishedAt: nil), .unpublished]
        #expect(PostRules.claims(for: events, in: state, on: stream).isEmpty)
    }

    @Test func `goes with the author's key, whoever acts`() {
        #expect(PostRules.subject(of: [Sample.drafted], in: .nonexistent, on: stream) == Sample.ann)
        #expect(PostRules.subject(of: [.edited(title: .known("x"), slug: nil, content: nil)], in: state, on: stream) == Sample.ann)
    }
}
