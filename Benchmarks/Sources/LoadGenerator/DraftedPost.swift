import EventSourcing
import FoundationEssentials
import Publishing

/// One append as `POST /posts` makes it: a new stream, one event with three sealed fields, a slug taken, the author's account required to be active,
/// a command, which has a receipt when its caller named it.
struct DraftedPost {
    /// About as much text as a short post has.
    static let content = String(repeating: "Nothing acknowledged is ever lost. ", count: 7)

    /// Whether the caller named the command: its id is then a hash of that name, in no order.
    let isKeyed: Bool
    let takesSlug: Bool

    func request() -> AppendRequest {
        let id = UUID.v7()
        let author = Authors.all[Int.random(in: Authors.all.indices)]
        let event = PostEvent.drafted(
            author: author, title: .known("Post \(id.lowercased)"), slug: .known("post-\(id.lowercased)"), content: .known(Self.content))
        let stream = StreamName(PostRules.category, id)
        let named = UUID(high: .random(in: 0 ... .max), low: .random(in: 0 ... .max))
        let command = isKeyed ? CommandReceipt.Key(id: named, digest: Array(repeating: 7, count: 32)) : .unrepeated()
        let claims = takesSlug ? PostRules.claims(for: [event], in: PostRules.initialState, on: stream) : []
        return AppendRequest(
            [StreamAppend([PostRules.encode(event)], to: stream, expecting: .none, sealedFor: author)], claims: claims + [.requireActive(author)],
            command: command, metadata: EventMetadata(actor: author, command: command.id, correlation: id.lowercased))
    }
}
