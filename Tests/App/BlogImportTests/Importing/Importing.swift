import EventSourcing
import Foundation
import Synchronization

@testable import BlogImport

/// Hashes that are equal for equal parts, and say nothing else.
struct PlainHasher: KeyedHasher {
    func hash(_ parts: [String]) -> [UInt8] {
        (0..<4).flatMap { seed -> [UInt8] in
            var hash: UInt64 = 0xcbf2_9ce4_8422_2325 &+ UInt64(seed)
            for byte in parts.joined(separator: "\u{0}").utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
            return withUnsafeBytes(of: hash.bigEndian) { Array($0) }
        }
    }
}

/// Files of posts, by their paths below `posts/`.
func blog(_ posts: [String: BlogPost], displayNames: [String: String] = [:]) -> Blog {
    let files = posts.sorted { $0.key < $1.key }.map { BlogFile(path: "posts/\($0.key)", outcome: .post($0.value), remarks: []) }
    return Blog(files: files, displayNames: displayNames, remarks: [])
}

func post(
    _ slug: String, by authors: [String] = ["ann"], text: String = "Text", day: Int? = 1, isPublic: Bool = true, namesItsSlug: Bool = true,
    language: String? = nil
) -> BlogPost {
    BlogPost(
        slug: slug, namesItsSlug: namesItsSlug, language: language, title: "Title of \(slug)", authors: authors,
        date: day.map { Timestamp(milliseconds: Int64($0) * 86_400_000) }, visibility: isPublic ? .everyone : .draft(because: "draft is true"),
        asksToBePublic: isPublic, content: text, images: [])
}

extension RecordedSystem {
    func plan(_ blog: Blog, update: Bool = false, named name: String = "") -> ImportPlan {
        ImportPlan(blog, comparedWith: streams, ImportHashes(PlainHasher(), blog: name), update: update)
    }

    /// Plans and carries out, as the command does, by default one post after the other, so that posts keep their order. Returns the lines, too.
    @discardableResult
    func importing(
        _ blog: Blog, update: Bool = false, named name: String = "", for accounts: NamedAccounts = NamedAccounts(), id: UUID = .v7(),
        concurrency: Int = 1,
        with client: APIClient? = nil
    ) async throws -> (summary: ImportSummary, lines: [String]) {
        let lines = Mutex<[String]>([])
        let importer = Importer(client: client ?? self.client, id: id, concurrency: concurrency) { notice in
            if case .line(let line) = notice { lines.withLock { $0.append(line) } }
        }
        let summary = try await importer.run(plan(blog, update: update, named: name), for: accounts)
        return (summary, lines.withLock { $0 })
    }
}
