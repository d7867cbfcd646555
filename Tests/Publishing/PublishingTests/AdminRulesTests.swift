import EventSourcing
import FoundationEssentials
import Publishing
import Testing

private func command(_ user: UUID, acts: Bool, by authority: Authority) -> AdminCommand {
    AdminCommand(user: user, acts: acts, authority: authority)
}

@Suite struct `The circle of admins` {
    private let empty = given(AdminRules.self)
    private let ann = given(AdminRules.self, .added(Sample.ann))
    private let both = given(AdminRules.self, .added(Sample.ann), .added(Sample.bob))

    @Test func `is begun by the operator, and by nobody else`() {
        #expect(empty.when(command(Sample.ann, acts: true, by: .server)) == .success([.added(Sample.ann)]))
        #expect(empty.when(command(Sample.ann, acts: true, by: .admin(Sample.ann))) == .failure(.notAdmin))
    }

    @Test func `is widened by one of it`() {
        #expect(ann.when(command(Sample.bob, acts: true, by: .admin(Sample.ann))) == .success([.added(Sample.bob)]))
        #expect(ann.when(command(Sample.bob, acts: true, by: .admin(Sample.bob))) == .failure(.notAdmin))
    }

    @Test(arguments: [Authority.admin(Sample.ann), .owner, .server]) func `never loses its last member`(authority: Authority) {
        #expect(ann.when(command(Sample.ann, acts: false, by: authority)) == .failure(.lastAdmin))
        #expect(both.when(command(Sample.ann, acts: false, by: authority)) == .success([.removed(Sample.ann)]))
    }

    @Test func `does not change by what concerns others, and only its members may ask for that`() {
        #expect(ann.when(command(Sample.bob, acts: false, by: .admin(Sample.ann))) == .success([]))
        #expect(ann.when(command(Sample.ann, acts: true, by: .server)) == .success([]))
        #expect(
            given(AdminRules.self, .added(Sample.ann), .removed(Sample.ann)).when(command(Sample.bob, acts: false, by: .admin(Sample.ann)))
                == .failure(.notAdmin))
    }
}

@Suite struct `An account` {
    @Test func `acts as an admin while it has the role and is active`() {
        #expect(!UserRules.fold([Sample.registered]).actsAsAdmin)
        #expect(UserRules.fold([Sample.registered, .roleChanged(role: .admin)]).actsAsAdmin)
        #expect(!UserRules.fold([Sample.registered, .roleChanged(role: .admin), .deactivated]).actsAsAdmin)
        #expect(UserRules.fold([Sample.registered, .roleChanged(role: .admin), .deactivated, .reactivated]).actsAsAdmin)
        #expect(!UserRules.fold([Sample.registered, .roleChanged(role: .admin), .closed]).actsAsAdmin)
    }
}
