import EventSourcing
import Publishing
import TestSupport
import Testing

/// Random commands on whatever state the ones before led to: each is repeated, and the repeat must change nothing.
@Suite struct `Any command on any reachable state, repeated` {
    private static var seeds: [UInt64] { (0..<20).map { _ in .random(in: 0 ... .max) } }

    @Test(arguments: seeds) func `changes an account once`(seed: UInt64) throws {
        print("seed \(seed)")
        var random = SeededRandom(seed: seed)
        var state = UserRules.initialState
        for _ in 0..<300 {
            let command = userCommand(using: &random)
            let first = Given<UserRules>(state: state).when(command)
            state = UserRules.fold((try? first.get()) ?? [], from: state)
            let second = Given<UserRules>(state: state).when(command)
            switch (command, first) {
            case (.register, .success): #expect(second == .failure(.alreadyRegistered))
            case (_, .success): #expect(second == .success([]), "\(command), seed \(seed)")
            case (_, .failure): #expect(second == first, "\(command), seed \(seed)")
            }
            // Few closures, so that walks stay long: a closed account starts again as another.
            if state == .closed { state = .unregistered }
        }
    }

    @Test(arguments: seeds) func `changes a post once`(seed: UInt64) throws {
        print("seed \(seed)")
        var random = SeededRandom(seed: seed)
        var state = PostRules.initialState
        for _ in 0..<300 {
            let command = postCommand(using: &random)
            let first = Given<PostRules>(state: state).when(command)
            state = PostRules.fold((try? first.get()) ?? [], from: state)
            let second = Given<PostRules>(state: state).when(command)
            switch (command, first) {
            case (.draft, .success): #expect(second == .failure(.alreadyDrafted))
            case (.delete, .success): #expect(second == .failure(.deleted), "\(command), seed \(seed)")
            case (_, .success): #expect(second == .success([]), "\(command), seed \(seed)")
            case (_, .failure): #expect(second == first, "\(command), seed \(seed)")
            }
            if case .deleted = state { state = .nonexistent }
        }
    }

    private func userCommand(using random: inout SeededRandom) -> UserCommand {
        let names: [Username] = ["ann", "bob_2", "eve"]
        let emails: [Email] = ["a@b.example", "c@d.example"]
        switch Int.random(in: 0..<13, using: &random) {
        case 0...2:
            return .register(username: pick(names, &random), email: pick(emails, &random), role: pick(Role.allCases, &random))
        case 3...6:
            return .change(
                UserChange(
                    username: pick([nil] + names, &random), email: pick([nil] + emails, &random),
                    displayName: pick([nil, "", "\u{E9}", "e\u{301}"], &random), bio: pick([nil, "", "\u{E9}", "e\u{301}"], &random)))
        case 7, 8: return .changeRole(pick(Role.allCases, &random))
        case 9: return .deactivate
        case 10: return .reactivate
        case 11: return .beginClosure
        default: return .close
        }
    }

    private func postCommand(using random: inout SeededRandom) -> PostCommand {
        let actor = pick([Sample.asAnn, Sample.asBob, Sample.asAdmin], &random)
        let titles: [Title] = ["x", "\u{E9}", "e\u{301}"]
        let contents: [Content] = ["x", "\u{E9}", "e\u{301}"]
        switch Int.random(in: 0..<12, using: &random) {
        case 0...2:
            return .draft(
                author: Sample.ann, title: pick(titles, &random), slug: pick(["a", "b"], &random), content: pick(contents, &random),
                publish: .random(using: &random))
        case 3...6:
            return .edit(
                by: actor,
                PostEdit(
                    title: pick([nil] + titles, &random), slug: pick([nil, "a", "b"], &random), content: pick([nil] + contents, &random)))
        case 7, 8: return .publish(by: actor, at: pick([nil, Sample.time], &random))
        case 9, 10: return .unpublish(by: actor)
        default: return .delete(by: actor)
        }
    }

    private func pick<Value>(_ values: [Value], _ random: inout SeededRandom) -> Value {
        values[Int.random(in: values.indices, using: &random)]
    }
}
