import Crypto
import EventSourcing
import JSON
import FoundationEssentials
import Glibc
import Publishing
import Vault

/// A blog's history: 10 % drafted, 5 % published, 5 % edited, 80 % viewed, mostly the newest posts. Always the same but for what sealing draws.
struct MixedHistory {
    /// One event as a row of the log, and the same with nothing sealed.
    struct Row {
        let position: Int64
        let stream: StreamName
        let version: Int
        let id: UUID
        let type: String
        let sealed: String
        let plain: String
        let metadata: String
        let recordedAt: Timestamp
        /// The names of the fields, with a space between two.
        let fields: String
    }

    /// Between two events.
    private static let step = Duration.milliseconds(10)
    private static let start = Timestamp(milliseconds: 1_767_225_600_000)

    private var random = SplitMix(state: 42)
    private var position: Int64
    private var posts: [(id: UUID, author: UUID, version: Int)] = []
    private var viewVersions: [Int] = []
    private var published = 0
    private let keys: [UUID: SymmetricKey]

    /// - Parameter position: the last one that the log has.
    init(after position: Int64, keys: [UUID: SymmetricKey]) {
        self.position = position
        self.keys = keys
    }

    /// The next event: twenty in a row have the mix.
    mutating func next() throws -> Row {
        position += 1
        let recordedAt = Self.start.advanced(by: Self.step * Int(position))
        switch position % 20 {
        case 0, 10:
            let post = (
                id: UUID.v7(at: recordedAt, using: &random), author: Authors.all[Int.random(in: Authors.all.indices, using: &random)], version: 1
            )
            posts.append(post)
            viewVersions.append(0)
            let title = "Post \(post.id.lowercased)"
            return try row(
                PostRules.encode(
                    .drafted(
                        author: post.author, title: .known(title), slug: .known("post-\(post.id.lowercased)"), content: .known(DraftedPost.content))),
                in: StreamName(PostRules.category, post.id), 1, by: post.author, recordedAt)
        case 5 where published < posts.count:
            published += 1
            return try change(published - 1, .published(publishedAt: nil), recordedAt)
        case 15 where !posts.isEmpty:
            let title = "Post, edited at \(position)"
            return try change(
                Int.random(in: posts.indices, using: &random),
                .edited(title: .known(title), slug: nil, content: .known(DraftedPost.content + title)), recordedAt)
        default:
            guard !posts.isEmpty else {
                return try row(
                    ViewRules.encode(.viewed(count: 1)), in: StreamName(ViewRules.category, .v7(at: recordedAt, using: &random)), 1,
                    by: Authors.all[0], recordedAt)
            }
            let post = viewed()
            viewVersions[post] += 1
            return try row(
                ViewRules.encode(.viewed(count: .random(in: 1...9, using: &random))), in: StreamName(ViewRules.category, posts[post].id),
                viewVersions[post], by: posts[post].author, recordedAt)
        }
    }

    /// By Zipf's law, the newest first: half of all views are of as many posts as the square root of all.
    private mutating func viewed() -> Int {
        let rank = pow(Double(posts.count), Double.random(in: 0..<1, using: &random))
        return posts.count - min(posts.count, Int(rank))
    }

    private mutating func change(_ post: Int, _ event: PostEvent, _ recordedAt: Timestamp) throws -> Row {
        posts[post].version += 1
        let changed = posts[post]
        return try row(
            PostRules.encode(event), in: StreamName(PostRules.category, changed.id), changed.version, by: changed.author, recordedAt)
    }

    private mutating func row(_ event: NewEvent, in stream: StreamName, _ version: Int, by author: UUID, _ recordedAt: Timestamp) throws -> Row {
        let id = UUID.v7(at: recordedAt, using: &random)
        let plain = JSONValue.object(event.data).serialized
        let personal = EventCatalog.publishing[event.type]?.personalFields ?? []
        let sealed = try keys[author].map {
            try EventSealing.seal(event.data, personal: personal, for: author, with: $0, stream: stream, event: id)
        }
        let metadata = EventMetadata(actor: author, command: id, correlation: stream.id.lowercased)
        return Row(
            position: position, stream: stream, version: version, id: id, type: event.type, sealed: sealed ?? plain, plain: plain,
            metadata: JSONValue.object(metadata.json).serialized, recordedAt: recordedAt, fields: event.data.names.joined(separator: " "))
    }
}

/// SplitMix64.
private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
