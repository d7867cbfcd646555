import AccessTokens
import EventSourcing
import FoundationEssentials
import HTTPContract
import Logging
import PublishingAPI
import Testing

@Suite struct `A post's access` {
    private let author = UUID.v7()

    /// Whether the user may read the post, and the code of the problem when they want to manage it.
    private func rights(isPublished: Bool, _ user: UUID?, isAdmin: Bool = false) -> (Bool, Problem.Code?) {
        let post = PostAccess(author: author, isPublished: isPublished)
        var context = CallContext(logger: Logger(label: "test"))
        if let user { context.caller = .user(SignedInUser(id: user, role: isAdmin ? .admin : .user)) }
        do {
            try context.requireManagement(of: post)
            return (context.mayRead(post), nil)
        } catch {
            return (context.mayRead(post), error.code)
        }
    }

    @Test func `is everybody's to read once published, and only its author's and admins' to manage`() {
        #expect(rights(isPublished: true, nil) == (true, .forbidden))
        #expect(rights(isPublished: true, .v7()) == (true, .forbidden))
        #expect(rights(isPublished: true, author) == (true, nil))
        #expect(rights(isPublished: true, .v7(), isAdmin: true) == (true, nil))
    }

    @Test func `is nobody else's while it is a draft, who may not know of it either`() {
        #expect(rights(isPublished: false, nil) == (false, .notFound))
        #expect(rights(isPublished: false, .v7()) == (false, .notFound))
        #expect(rights(isPublished: false, author) == (true, nil))
        #expect(rights(isPublished: false, .v7(), isAdmin: true) == (true, nil))
    }
}
