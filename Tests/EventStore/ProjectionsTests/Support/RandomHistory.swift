import EventSourcing
import FoundationEssentials
import Publishing
import TestSupport

extension History {
    /// Tells a history that the rules allow: a few users and posts that everything happens to, in any order, some of it forgotten afterwards.
    func tellAtRandom(_ count: Int, seed: UInt64) async throws {
        var random = SeededRandom(seed: seed)
        var posts: [UUID: PostState] = [:]
        var users: [UUID: UserState] = [:]
        for _ in 0..<count {
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<5:
                let id = UUID.number(.random(in: 100..<130, using: &random))
                let event = PostEvent.random(in: posts[id] ?? .nonexistent, &random)
                guard let event else { continue }
                PostRules.evolve(&posts[id, default: .nonexistent], with: event)
                try await tell(event, of: id)
            case 5:
                // Beyond the posts there are: views may come before their post, or without one.
                try await tell(views: .random(in: 1...50, using: &random), of: .number(.random(in: 100..<135, using: &random)))
            case 6..<8:
                var counts: [UUID: Int64] = [:]
                for _ in 0..<Int.random(in: 1...20, using: &random) {
                    counts[.number(.random(in: 100..<135, using: &random))] = .random(in: 1...50, using: &random)
                }
                try await tell(views: counts, in: .number(.random(in: 200..<203, using: &random)))
            default:
                let id = UUID.number(.random(in: 1..<15, using: &random))
                let event = UserEvent.random(in: users[id] ?? .unregistered, &random)
                guard let event else { continue }
                UserRules.evolve(&users[id, default: .unregistered], with: event)
                try await tell(event, of: id)
            }
        }
    }
}

extension PostEvent {
    fileprivate static func random(in state: PostState, _ random: inout SeededRandom) -> PostEvent? {
        switch state {
        case .nonexistent:
            return .drafted(
                author: .number(.random(in: 1..<5, using: &random)), title: .random(&random), slug: .random(&random), content: .random(&random))
        case .deleted: return nil
        case .draft, .published:
            switch Int.random(in: 0..<10, using: &random) {
            case 0: return .deleted
            case 1: return state.isPublished ? .unpublished : .published(publishedAt: nil)
            // A published post, too: at another time.
            case 2, 3: return .published(publishedAt: Bool.random(using: &random) ? History.start : nil)
            case 4: return state.post.flatMap { state.isPublished ? nil : .scheduled(author: $0.author, at: History.start) }
            case 5: return state.post?.scheduledAt == nil ? nil : .unscheduled
            default:
                return .edited(
                    title: Bool.random(using: &random) ? .random(&random) : nil, slug: Bool.random(using: &random) ? .random(&random) : nil,
                    content: Bool.random(using: &random) ? .random(&random) : nil)
            }
        }
    }
}

extension UserEvent {
    fileprivate static func random(in state: UserState, _ random: inout SeededRandom) -> UserEvent? {
        switch state {
        case .unregistered: return .registered(username: .random(&random), email: .random(&random), role: .user)
        case .closed: return nil
        case .open(let account):
            switch Int.random(in: 0..<12, using: &random) {
            case 0: return .closed
            case 1..<4: return account.status == .active ? .deactivated : .reactivated
            case 4..<6: return .roleChanged(role: account.role == .admin ? .user : .admin)
            case 6..<8: return .emailChanged(email: .random(&random))
            default:
                return .profileChanged(
                    username: Bool.random(using: &random) ? .random(&random) : nil, displayName: Bool.random(using: &random) ? .random(&random) : nil,
                    bio: Bool.random(using: &random) ? .random(&random) : nil)
            }
        }
    }
}

extension Personal<String> {
    fileprivate static func random(_ random: inout SeededRandom) -> Personal<String> {
        if Int.random(in: 0..<8, using: &random) == 0 { return .forgotten }
        let letters = ["a", "é", "e\u{301}", "👩‍👩‍👧", "שלום", " ", "'", "\\", "\"", "%", "\n", "$1", ":title", "--"]
        return .known((0..<Int.random(in: 0..<120, using: &random)).map { _ in letters.randomElement(using: &random) ?? "" }.joined())
    }
}
