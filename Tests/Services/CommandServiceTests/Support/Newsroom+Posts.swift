import EventLog
import EventLogTesting
import EventSourcing
import FoundationEssentials
import HTTPTypes
import JSON
import Publishing
import Testing

/// A post that a test made.
struct DraftedPost: Sendable {
    let id: UUID
    let path: String

    var stream: StreamName { StreamName("post", id) }
    var commands: [String] { ["\(path)/publish", "\(path)/unpublish"] }
}

extension Newsroom {
    /// Drafts a post: version 1, or 2 when published.
    func post(by author: Person, title: String = "A title", publish: Bool = false) async throws -> DraftedPost {
        let reply = try await send(.post, "/api/v1/posts", #"{"title":"\#(title)","content":"Some words","publish":\#(publish)}"#, by: author)
        let id = try #require(reply.data?["id"]?.text.flatMap { UUID(lowercase: $0) }, "\(reply.text)")
        return DraftedPost(id: id, path: "/api/v1/posts/\(id.lowercased)")
    }

    /// Edits a post's content so many times, straight in the log.
    func edit(_ post: DraftedPost, of author: Person, times count: Int, content: String) async throws {
        let edits = (1...count).map { PostRules.encode(.edited(title: nil, slug: nil, content: .known("\(content) \($0)"))) }
        let append = StreamAppend(edits, to: post.stream, expecting: .any, sealedFor: author.id)
        _ = try await log.store.append(AppendRequest([append], claims: [], command: .unrepeated(), metadata: EventMetadata(command: .v7())))
    }

    /// All of a stream's events.
    func events(of stream: StreamName) async throws -> [RecordedEvent] { try await log.store.load(stream).events }
}
