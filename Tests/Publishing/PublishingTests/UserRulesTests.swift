import EventSourcing
import Publishing
import Testing

@Suite struct `Nobody under this id` {
    @Test func `can register`() throws {
        let command = UserCommand.register(username: "ann", email: "ann@example.org", role: .user)
        #expect(given(UserRules.self).when(command) == .success([Sample.registered]))
    }

    @Test(arguments: [UserCommand.change(UserChange(bio: "x")), .changeRole(.admin), .deactivate, .reactivate, .close])
    func `can do nothing else`(command: UserCommand) {
        #expect(given(UserRules.self).when(command) == .failure(.notFound))
    }
}

@Suite struct `An active account` {
    let account = given(UserRules.self, Sample.registered)

    @Test func `can't register again`() throws {
        let command = UserCommand.register(username: "bob", email: "bob@example.org", role: .user)
        #expect(account.when(command) == .failure(.alreadyRegistered))
    }

    @Test func `records only the fields that differ`() throws {
        let change = UserChange(username: "ann", email: "ann@example.org", displayName: "Ann")
        #expect(account.when(.change(change)) == .success([.profileChanged(username: nil, displayName: .known("Ann"), bio: nil)]))
    }

    @Test func `records profile and email apart`() throws {
        let change = UserChange(username: "ann_2", email: "new@example.org")
        let events: [UserEvent] = [
            .profileChanged(username: .known("ann_2"), displayName: nil, bio: nil), .emailChanged(email: .known("new@example.org")),
        ]
        #expect(account.when(.change(change)) == .success(events))
    }

    @Test func `records nothing when nothing differs`() {
        #expect(account.when(.change(UserChange())) == .success([]))
        #expect(account.when(.change(UserChange(displayName: "", bio: ""))) == .success([]))
    }

    @Test func `takes another spelling of the same letters for a change`() {
        let composed = given(UserRules.self, Sample.registered, .profileChanged(username: nil, displayName: .known("\u{E9}"), bio: nil))
        guard case .success(let events) = composed.when(.change(UserChange(displayName: "e\u{301}"))) else {
            Issue.record("refused")
            return
        }
        #expect(events.count == 1)
    }

    @Test func `can clear its bio`() {
        let written = given(UserRules.self, Sample.registered, .profileChanged(username: nil, displayName: nil, bio: .known("Writes.")))
        #expect(written.when(.change(UserChange(bio: ""))) == .success([.profileChanged(username: nil, displayName: nil, bio: .known(""))]))
    }

    @Test func `gets another role once`() {
        #expect(account.when(.changeRole(.admin)) == .success([.roleChanged(role: .admin)]))
        #expect(account.when(.changeRole(.user)) == .success([]))
    }

    @Test func `can be deactivated and closed, and needs no reactivation`() {
        #expect(account.when(.deactivate) == .success([.deactivated]))
        #expect(account.when(.reactivate) == .success([]))
        #expect(account.when(.close) == .success([.closed]))
    }
}

@Suite struct `A deactivated account` {
    let account = given(UserRules.self, Sample.registered, .deactivated)

    @Test func `refuses changes by its user`() {
        #expect(account.when(.change(UserChange(bio: "x"))) == .failure(.deactivated))
    }

    @Test func `can be reactivated, closed and given a role`() {
        #expect(account.when(.reactivate) == .success([.reactivated]))
        #expect(account.when(.close) == .success([.closed]))
        #expect(account.when(.changeRole(.admin)) == .success([.roleChanged(role: .admin)]))
    }

    @Test func `is not deactivated twice`() {
        #expect(account.when(.deactivate) == .success([]))
    }
}

@Suite struct `A closed account` {
    let account = given(UserRules.self, Sample.registered, .closed)

    @Test func `is not closed twice`() {
        #expect(account.when(.close) == .success([]))
    }

    @Test(arguments: [UserCommand.change(UserChange(bio: "x")), .changeRole(.admin), .deactivate, .reactivate])
    func `refuses everything else`(command: UserCommand) {
        #expect(account.when(command) == .failure(.closed))
    }

    @Test func `can't be registered anew`() throws {
        let command = UserCommand.register(username: "ann", email: "ann@example.org", role: .user)
        #expect(account.when(command) == .failure(.alreadyRegistered))
    }
}
