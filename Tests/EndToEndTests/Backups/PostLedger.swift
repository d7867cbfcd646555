import EventSourcing
import Foundation
import JSON
import NIOHTTP1
import Synchronization
import TestSupport

/// Writers that post without pause, and what was acknowledged to them.
final class PostLedger: Sendable {
    struct Entry: Sendable {
        /// The post's stream.
        let stream: String
        let askedAt: Timestamp
        let answeredAt: Timestamp
    }

    private let entries = Mutex<[Entry]>([])
    private let isEnding = Flag()

    /// Lets writers post as `author` until `body` is done.
    static func run(as author: Client, writers: Int = 4, _ body: (PostLedger) async throws -> Void) async throws {
        let ledger = PostLedger()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<writers { group.addTask { await ledger.post(as: author) } }
            defer { ledger.isEnding.set() }
            try await body(ledger)
        }
    }

    /// The posts that were acknowledged so far.
    var acknowledged: [Entry] { entries.withLock { $0 } }

    /// Returns once so many more were acknowledged.
    func grow(by count: Int = 15) async throws {
        let start = acknowledged.count
        try await eventually { acknowledged.count >= start + count }
    }

    private func post(as author: Client) async {
        while !isEnding.isSet {
            let asked = Timestamp.now
            let answer = try? await author.call(.POST, "/posts", json: #"{"title":"\#(UUID())","content":"Kept.","publish":true}"#)
            if answer?.status == 201, let id = answer?.data["id"]?.text {
                entries.withLock { $0.append(Entry(stream: "post-" + id, askedAt: asked, answeredAt: .now)) }
            } else {
                // Of a system that is gone, nobody can tell whether it took the post.
                try? await Task.sleep(for: .milliseconds(20))
            }
        }
    }
}
