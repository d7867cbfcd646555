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
            let command = try userCommand(using: &random)
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
            let command = try postCommand(using: &random)
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

    private func userCommand(using random: inout SeededRandom) throws -> UserCommand {
        let names = ["ann", "bob_2", "eve"]
        switch Int.random(in: 0..<12, using: &random) {
        case 0...2:
            return .register(username: try Sample.username(pick(names, &random)), email: try Sample.email("a@b"), role: pick(Role.allCases, &random))
        case 3...6:
            let texts: [String?] = [nil, "", "\u{E9}", "e\u{301}"]
            return .change(
                UserChange(
                    username: try pick([nil] + names, &random).map(Sample.username), email: try pick([nil, "a@b", "c@d"], &random).map(Sample.email),
                    displayName: pick(texts, &random), bio: pick(texts, &random)))
        case 7, 8: return .changeRole(pick(Role.allCases, &random))
        case 9: return .deactivate
        case 10: return .reactivate
        default: return .close
        }
    }

    private func postCommand(using random: inout SeededRandom) throws -> PostCommand {
        let actor = pick([Sample.asAnn, Sample.asBob, Sample.asAdmin], &random)
        let texts = ["x", "\u{E9}", "e\u{301}"]
        switch Int.random(in: 0..<12, using: &random) {
        case 0...2:
            return .draft(
                author: Sample.ann, title: pick(texts, &random), slug: try Sample.slug(pick(["a", "b"], &random)), content: pick(texts, &random),
                publish: .random(using: &random))
        case 3...6:
            return .edit(
                by: actor,
                PostEdit(
                    title: pick([nil] + texts, &random), slug: try pick([nil, "a", "b"], &random).map(Sample.slug),
                    content: pick([nil] + texts, &random)))
        case 7, 8: return .publish(by: actor, at: pick([nil, Sample.time], &random))
        case 9, 10: return .unpublish(by: actor)
        default: return .delete(by: actor)
        }
    }

    private func pick<Value>(_ values: [Value], _ random: inout SeededRandom) -> Value {
        values[Int.random(in: values.indices, using: &random)]
    }
}

