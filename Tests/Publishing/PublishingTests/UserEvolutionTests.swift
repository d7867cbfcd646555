import EventSourcing
import Testing

@testable import Publishing

@Suite struct `The state of an account` {
    private let known = Account(username: .known("ann"), email: .known("ann@example.org"), role: .user)

    private static let later: [UserEvent] = [
        .profileChanged(username: .known("x"), displayName: nil, bio: nil), .emailChanged(email: .known("x@x")), .roleChanged(role: .admin),
        .deactivated,
        .reactivated,
    ]

    private func changed(_ change: (inout Account) -> Void) -> UserState {
        var account = known
        change(&account)
        return .open(account)
    }

    @Test func `is open from registration on`() {
        #expect(UserRules.fold([]) == .unregistered)
        #expect(UserRules.fold([Sample.registered]) == .open(known))
        #expect(known.status == .active)
        #expect(known.displayName == .known(""))
    }

    @Test func `follows each event while open`() {
        func after(_ events: UserEvent...) -> UserState { UserRules.fold([Sample.registered] + events) }
        #expect(after(.profileChanged(username: .known("eve"), displayName: nil, bio: nil)) == changed { $0.username = .known("eve") })
        #expect(after(.profileChanged(username: nil, displayName: .known("A"), bio: nil)) == changed { $0.displayName = .known("A") })
        #expect(after(.profileChanged(username: nil, displayName: nil, bio: .forgotten)) == changed { $0.bio = .forgotten })
        #expect(after(.emailChanged(email: .known("b@c"))) == changed { $0.email = .known("b@c") })
        #expect(after(.roleChanged(role: .admin)) == changed { $0.role = .admin })
        #expect(after(.deactivated) == changed { $0.status = .deactivated })
        #expect(after(.deactivated, .reactivated) == .open(known))
        #expect(after(.closed) == .closed)
    }

    @Test(arguments: later) func `stays closed after a closure`(event: UserEvent) {
        #expect(UserRules.fold([Sample.registered, .closed, event]) == .closed)
    }

    @Test(arguments: later) func `stays unregistered without a registration`(event: UserEvent) {
        #expect(UserRules.fold([event]) == .unregistered)
        #expect(UserRules.fold([event]).account == nil)
    }
}
