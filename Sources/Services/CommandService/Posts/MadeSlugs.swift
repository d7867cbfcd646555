import EventSourcing
import HTTPContract
import Publishing
import Synchronization

/// Finds a free slug for a title that others have had before.
///
/// A try that fails has the whole batch of its append sent again. So once the first numbers of a slug were taken, the slug is looked up before it is
/// tried. This process remembers such slugs as hints; the append decides.
final class MadeSlugs: Sendable {
    /// Numbers behind a slug are given in their order up to this one.
    private static let lastInOrder: UInt32 = 4
    /// Random numbers have at least so many digits, and at most so many.
    private static let digits: (least: UInt32, most: UInt32) = (5, 9)
    private static let randomTries: UInt32 = 6

    private let store: any EventStore
    /// For slugs whose first numbers are all taken, the digits of the number that was free last.
    private let crowded = Mutex(BoundedCache<String, UInt32>(bytes: 1 << 20))

    init(store: any EventStore) { self.store = store }

    /// Takes the made slug, or else the same with one of the next few numbers, or else with a random one: common titles are taken by the thousand.
    /// - Parameter take: throws `CommandFailure.claimTaken(.slug)` for one that is taken.
    func withFree<Taken>(_ slug: Slug, take: (Slug) async throws -> Taken) async throws -> Taken {
        let known = crowded.withLock { $0.value(for: slug.text) }
        if known == nil {
            if let taken = try await tried(slug, take) { return taken }
            for number in 2...Self.lastInOrder where try await isFree(slug.numbered(number)) {
                if let taken = try await tried(slug.numbered(number), take) { return taken }
            }
        } else if try await isFree(slug), let taken = try await tried(slug, take) {
            return taken
        }
        for attempt in 0..<Self.randomTries {
            let digits = min((known ?? Self.digits.least) + attempt, Self.digits.most)
            let number = UInt32.random(in: Self.lastInOrder + 1..<(0..<digits).reduce(1) { power, _ in power * 10 })
            guard let taken = try await tried(slug.numbered(number), take) else { continue }
            crowded.withLock { $0.keep(digits, size: slug.text.utf8.count + 64, for: slug.text) }
            return taken
        }
        throw Problem.duplicate(field: "slug")
    }

    private func isFree(_ slug: Slug) async throws -> Bool {
        let holder = try await store.holder(of: .slug, value: slug.text)
        return holder == nil
    }

    /// Nil when the slug is taken.
    private func tried<Taken>(_ slug: Slug, _ take: (Slug) async throws -> Taken) async throws -> Taken? {
        do {
            return try await take(slug)
        } catch CommandFailure.claimTaken(.slug) {
            return nil
        }
    }
}
