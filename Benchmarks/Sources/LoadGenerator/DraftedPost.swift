import EventSourcing
import FoundationEssentials
import Publishing

/// One append as `POST /posts` makes it: a new stream, one event with three sealed fields, a slug taken, the author's account required to be active, and a
/// command id as a caller's idempotency key gives it, in no order.
struct DraftedPost {
    /// Bytes of content, so that the event's personal text is about what a short post has.
    static let content = String(repeating: "Nothing acknowledged is ever lost. ", count: 7)

    static func request() -> AppendRequest {
        let id = UUID.v7()
        let author = Authors.all[Int.random(in: Authors.all.indices)]
        let event = PostEvent.drafted(
            author: author, title: .known("Post \(id.lowercased)"), slug: .known("post-\(id.lowercased)"), content: .known(content))
        let stream = StreamName(PostRules.category, id)
        let command = CommandReceipt.Key(id: UUID(high: .random(in: 0 ... .max), low: .random(in: 0 ... .max)), digest: Array(repeating: 7, count: 32))
        return AppendRequest(
            [StreamAppend([PostRules.encode(event)], to: stream, expecting: .none, sealedFor: author)],
            claims: PostRules.claims(for: [event], in: PostRules.initialState, on: stream) + [.requireActive(author)], command: command,
            metadata: EventMetadata(actor: author, command: command.id, correlation: id.lowercased))
    }
}
