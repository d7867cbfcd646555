import EventSourcing
import FoundationEssentials
import Publishing
import Testing

private let ann = UUID.number(1)
private let registered = UserEvent.registered(username: .known("ann"), email: .known("ann@example.org"), role: .user)
private let account = "SELECT username, email, display_name, bio, role, status, version FROM users.account"

@Suite(.timeLimit(.minutes(15))) struct `The read model of users` {
    @Test func `shows who has registered`() async throws {
        let found = try await rows("SELECT id, username, email, display_name, bio, role, status, created_at, updated_at, version FROM users.account")
        {
            try await $0.tell(registered, of: ann)
        }
        #expect(found == [#"(\#(ann.lowercased),ann,ann@example.org,,,user,active,"2026-01-01 00:00:00+00","2026-01-01 00:00:00+00",1)"#])
    }

    @Test func `changes only what a new profile names`() async throws {
        let found = try await rows(account) {
            try await $0.tell(
                registered, .profileChanged(username: nil, displayName: .known("Ann"), bio: .known("Writes")),
                .profileChanged(username: .known("anna"), displayName: nil, bio: .known("")), of: ann)
        }
        #expect(found == ["(anna,ann@example.org,Ann,,user,active,3)"])
    }

    @Test func `knows nothing of what was cleared`() async throws {
        let found = try await rows("SELECT display_name IS NULL, bio IS NULL FROM users.account") {
            try await $0.tell(
                registered, .profileChanged(username: nil, displayName: .known("Ann"), bio: .known("Writes")),
                .profileChanged(username: nil, displayName: .known(""), bio: .known("")), of: ann)
        }
        #expect(found == ["(t,t)"])
    }

    @Test func `follows a new email`() async throws {
        let found = try await rows(account) { try await $0.tell(registered, .emailChanged(email: .known("a@b.org")), of: ann) }
        #expect(found == ["(ann,a@b.org,,,user,active,2)"])
    }

    @Test func `follows a new role`() async throws {
        let found = try await rows(account) { try await $0.tell(registered, .roleChanged(role: .admin), of: ann) }
        #expect(found == ["(ann,ann@example.org,,,admin,active,2)"])
    }

    @Test func `shows a deactivated account as one`() async throws {
        let found = try await rows(account) { try await $0.tell(registered, .deactivated, of: ann) }
        #expect(found == ["(ann,ann@example.org,,,user,deactivated,2)"])
    }

    @Test func `shows a reactivated account as active`() async throws {
        let found = try await rows(account) { try await $0.tell(registered, .deactivated, .reactivated, of: ann) }
        #expect(found == ["(ann,ann@example.org,,,user,active,3)"])
    }

    @Test func `keeps nothing personal of a closed account`() async throws {
        let found = try await rows(account) {
            try await $0.tell(registered, .profileChanged(username: nil, displayName: .known("Ann"), bio: .known("Writes")), .closed, of: ann)
        }
        #expect(found == ["(,,,,user,closed,3)"])
    }

    @Test func `shows nothing of who is forgotten before the account closes`() async throws {
        let found = try await rows(account) { try await $0.tell(.registered(username: .forgotten, email: .forgotten, role: .user), of: ann) }
        #expect(found == ["(,,,,user,active,1)"])
    }

    @Test func `counts accounts by status`() async throws {
        let found = try await rows("SELECT status, count FROM users.account_count ORDER BY status") { history in
            for number in UInt64(1)...6 { try await history.tell(registered, of: .number(number)) }
            for number in UInt64(1)...3 { try await history.tell(.deactivated, of: .number(number)) }
            try await history.tell(.reactivated, of: .number(1))
            try await history.tell(.closed, of: .number(2))
            try await history.tell(.closed, of: .number(4))
        }
        #expect(found == ["(active,3)", "(closed,2)", "(deactivated,1)"])
    }
}
