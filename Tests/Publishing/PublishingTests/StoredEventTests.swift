import EventSourcing
import Foundation
import JSON
import Publishing
import Testing

/// Every event type once, with every field, as the golden files have it.
private let userEvents: [UserEvent] = [
    .registered(username: .known("ann_1"), email: .known("Ann@example.org"), role: .user),
    .profileChanged(username: .known("ann_2"), displayName: .known("Ann \u{C1}. \"A\""), bio: .known("")),
    .emailChanged(email: .known("ann@example.com")),
    .roleChanged(role: .admin), .deactivated, .reactivated, .closed,
]
private let postEvents: [PostEvent] = [
    .drafted(author: Sample.ann, title: .known("On Slugs"), slug: .known("on-slugs"), content: .known("Line one\nLine two\u{1F}")),
    .edited(title: .known("On Snails"), slug: .known("on-snails"), content: .known("Short.")), .published(publishedAt: Sample.time), .unpublished,
    .scheduled(author: Sample.ann, at: Sample.time), .unscheduled, .deleted,
]
private let adminEvents: [AdminEvent] = [.added(Sample.ann), .removed(Sample.ann)]
private let closureEvents = [ClosureRequested(closure: Sample.ann)]
private let viewEvents: [ViewEvent] = [.viewed(count: 42)]
private let windowEvents: [ViewWindowEvent] = [
    .viewed([UUID(high: 0x0198_a3c4_0000_7000, low: 0x8000_0000_0000_0002): 1, UUID(high: 0x0198_a3c4_0000_7000, low: 0x8000_0000_0000_0001): 3])
]
private let webhookKeys = WebhookKeys(sealed: "c2VhbGVk", publicKey: "whpk_AAAA")
private let webhookEvents: [WebhookEvent] = [
    .created(url: .known("https://hooks.example.org/annals?key=1"), types: ["PostPublished", "PostDeleted"], keys: webhookKeys),
    .secretRotated(keys: webhookKeys, earlierUntil: Sample.time), .tested, .replayRequested(after: 42), .ended, .deleted,
]

private let stored =
    userEvents.map(UserRules.encode) + adminEvents.map(AdminRules.encode) + closureEvents.map(ClosureRules.encode)
    + postEvents.map(PostRules.encode) + viewEvents.map(ViewRules.encode) + windowEvents.map(ViewWindowRules.encode)
    + webhookEvents.map(WebhookRules.encode)

private let goldenFolder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Golden")

@Suite struct `A stored event` {
    @Test(arguments: stored) func `has the bytes it always had`(event: NewEvent) throws {
        let golden = try Data(contentsOf: goldenFolder.appending(path: "\(event.type).v\(event.schemaVersion).json"))
        #expect(JSONValue.object(event.data).serialized + "\n" == String(decoding: golden, as: UTF8.self))
        #expect(Array((JSONValue.object(event.data).serialized + "\n").utf8) == Array(golden))
    }

    @Test func `has a golden file for every type and version, and no other`() throws {
        let files = try FileManager.default.contentsOfDirectory(atPath: goldenFolder.path(percentEncoded: false))
        #expect(Set(files) == Set(EventCatalog.publishing.schemas.values.map { "\($0.type).v\($0.version).json" }))
        #expect(Set(stored.map(\.type)) == Set(EventCatalog.publishing.schemas.keys))
    }

    @Test(arguments: stored) func `has the fields its schema names, in that order`(event: NewEvent) throws {
        let schema = try #require(EventCatalog.publishing[event.type])
        #expect(event.schemaVersion == schema.version)
        #expect(event.data.names == schema.fields.map(\.name))
    }

    @Test(arguments: userEvents) func `of a user reads back the same`(event: UserEvent) throws {
        #expect(try UserRules.decode(Sample.recorded(UserRules.encode(event))) == event)
    }

    @Test(
        arguments: postEvents + [
            .published(publishedAt: nil), .edited(title: nil, slug: nil, content: .known("x")), .edited(title: .forgotten, slug: nil, content: nil),
        ])
    func `of a post reads back the same`(event: PostEvent) throws {
        #expect(try PostRules.decode(Sample.recorded(PostRules.encode(event))) == event)
    }

    @Test(arguments: adminEvents) func `of the admins reads back the same`(event: AdminEvent) throws {
        #expect(try AdminRules.decode(Sample.recorded(AdminRules.encode(event))) == event)
    }

    @Test(arguments: closureEvents) func `of a closure reads back the same`(event: ClosureRequested) throws {
        #expect(try ClosureRules.decode(Sample.recorded(ClosureRules.encode(event))) == event)
    }

    @Test(arguments: viewEvents) func `of views reads back the same`(event: ViewEvent) throws {
        #expect(try ViewRules.decode(Sample.recorded(ViewRules.encode(event))) == event)
    }

    @Test(arguments: webhookEvents) func `of a webhook reads back the same`(event: WebhookEvent) throws {
        #expect(try WebhookRules.decode(Sample.recorded(WebhookRules.encode(event))) == event)
    }

    @Test(arguments: windowEvents) func `of a window of views reads back the same`(event: ViewWindowEvent) throws {
        #expect(try ViewWindowRules.decode(Sample.recorded(ViewWindowRules.encode(event))) == event)
    }
}

@Suite struct `A personal field` {
    @Test func `that is null is forgotten`() throws {
        let registered = Sample.recorded("UserRegistered", ["username": .null, "email": .null, "role": .string("user")])
        #expect(try UserRules.decode(registered) == .registered(username: .forgotten, email: .forgotten, role: .user))
        let drafted = Sample.recorded("PostDrafted", ["author": .string(Sample.ann.lowercased), "title": .null, "slug": .null, "content": .null])
        #expect(try PostRules.decode(drafted) == .drafted(author: Sample.ann, title: .forgotten, slug: .forgotten, content: .forgotten))
    }

    @Test func `that is absent did not change`() throws {
        #expect(
            try UserRules.decode(Sample.recorded("UserProfileChanged", ["bio": .null]))
                == .profileChanged(username: nil, displayName: nil, bio: .forgotten))
        #expect(try PostRules.decode(Sample.recorded("PostEdited", ["title": .string("x")])) == .edited(title: .known("x"), slug: nil, content: nil))
    }

    @Test func `is marked as such in the catalog`() {
        let personal = EventCatalog.publishing.schemas.mapValues(\.personalFields).filter { !$0.value.isEmpty }
        #expect(
            personal == [
                "UserRegistered": ["username", "email"], "UserProfileChanged": ["username", "displayName", "bio"], "UserEmailChanged": ["email"],
                "PostDrafted": ["title", "slug", "content"], "PostEdited": ["title", "slug", "content"], "WebhookCreated": ["url"],
            ])
    }
}

@Suite struct `An event that can't be read` {
    private func userFailure(_ event: RecordedEvent) -> String? { error(UserRules.self, event)?.reason }
    private func postFailure(_ event: RecordedEvent) -> String? { error(PostRules.self, event)?.reason }

    private func error<Rules: StreamRules>(_ rules: Rules.Type, _ event: RecordedEvent) -> EventDecodingError? {
        do throws(EventDecodingError) {
            _ = try Rules.decode(event)
            return nil
        } catch {
            return error
        }
    }

    @Test func `says at which position it stands`() {
        let event = Sample.recorded("UserRenamed", [:], position: 99)
        #expect(error(UserRules.self, event)?.position == 99)
    }

    @Test func `is of an unknown type or version, or of another category`() {
        #expect(userFailure(Sample.recorded("UserRenamed", [:])) == "UserRenamed version 1: not in the category user")
        #expect(userFailure(Sample.recorded("UserClosed", [:], version: 2)) == "UserClosed version 2: this version is not known")
        #expect(userFailure(Sample.recorded("UserClosed", [:], version: 0)) == "UserClosed version 0: this version is not known")
        #expect(userFailure(Sample.recorded("PostDeleted", [:])) == "PostDeleted version 1: not in the category user")
        #expect(postFailure(Sample.recorded("UserClosed", [:])) == "UserClosed version 1: not in the category post")
    }

    @Test func `lacks a field`() {
        #expect(userFailure(Sample.recorded("UserEmailChanged", [:])) == "UserEmailChanged version 1: email is missing")
        #expect(userFailure(Sample.recorded("UserRoleChanged", [:])) == "UserRoleChanged version 1: role is missing")
        #expect(postFailure(Sample.recorded("PostDrafted", ["title": .string("x")])) == "PostDrafted version 1: author is missing")
    }

    @Test func `has a field of another form`() {
        #expect(userFailure(Sample.recorded("UserRoleChanged", ["role": .string("owner")])) == "UserRoleChanged version 1: role is not a role")
        #expect(userFailure(Sample.recorded("UserEmailChanged", ["email": .integer(1)])) == "UserEmailChanged version 1: email is not a text")
        #expect(postFailure(Sample.recorded("PostDrafted", ["author": .string("ann")])) == "PostDrafted version 1: author is not an id")
        #expect(
            postFailure(Sample.recorded("PostPublished", ["publishedAt": .string("today")])) == "PostPublished version 1: publishedAt is not a time")
        let views = Sample.recorded("PostViewed", ["count": .string("many")])
        #expect(error(ViewRules.self, views)?.reason == "PostViewed version 1: count is not a whole number")
    }
}
