import HTTPContract
import HTTPTypes
import Hummingbird
import JSON
import NIOCore
import PublishingAPI

/// The response of every query: with its freshness, an entity tag, and 304 where the caller has it already.
enum QueryResponse {
    /// One account, with these members beside those that all answers have.
    static func user(_ user: UserDocument, _ members: Set<UserDocument.Member>, at position: Int64, to request: Request) -> Response {
        response(.entity(version: user.version) { writer, _ in user.write(members, to: &writer) }, at: position, to: request)
    }

    /// An author's totals.
    static func totals(_ totals: AuthorTotals, at position: Int64, to request: Request) -> Response {
        var writer = JSONWriter(capacity: 128)
        var views = 0..<0
        writer.object {
            $0.name("data")
            $0.object {
                $0.member("posts", totals.posts)
                $0.member("published", totals.published)
                let start = $0.bytes.count
                $0.member("views", totals.views)
                views = start..<$0.bytes.count
            }
        }
        let tag = entityTag(listBody: writer.bytes, excluding: [views])
        return response(Representation(body: ByteBuffer(bytes: writer.bytes), tag: tag), at: position, to: request)
    }

    /// One page of a list, or a list that is whole. `write` writes the items, and names the places of their view counts.
    static func list(
        _ pagination: Pagination?, at position: Int64, to request: Request, _ write: (inout JSONWriter, inout [Range<Int>]) -> Void
    ) -> Response {
        response(.list(pagination, write), at: position, to: request)
    }

    /// 404, with how fresh that knowledge is.
    static func notFound(at position: Int64) -> Problem {
        var problem = Problem.notFound()
        problem.headers.setReadModelPosition(position)
        return problem
    }

    /// A representation with its freshness; 304 where the caller has it already.
    static func response(_ representation: Representation, at position: Int64, to request: Request) -> Response {
        answer(representation, at: position, to: request).response
    }

    /// The same, ready to be sent.
    static func answer(_ representation: Representation, at position: Int64, to request: Request) -> ReadyAnswer {
        var headers = HTTPFields()
        headers.setETag(representation.tag)
        headers.setReadModelPosition(position)
        // An answer depends on the caller and may change at any time: a client may keep it, and has to ask whether it is still right.
        headers[.cacheControl] = "private, no-cache"
        if Preconditions.isNotModified(request, etag: representation.tag) { return .notModified(headers: headers) }
        return .bytes(representation.body, headers: headers)
    }
}

/// The body of an answer with its entity tag (RFC 9110 §3.2). View counts don't count for the tag: else each reader would change it.
struct Representation: Sendable {
    let body: ByteBuffer
    let tag: String

    /// One post.
    static func post(_ post: PostDocument) -> Representation {
        entity(version: post.version) { post.write(to: &$0, viewCounts: &$1) }
    }

    /// `{"data": …}` under a tag that starts with the entity's version.
    static func entity(version: Int, _ write: (inout JSONWriter, inout [Range<Int>]) -> Void) -> Representation {
        var writer = JSONWriter(capacity: 1024)
        var viewCounts: [Range<Int>] = []
        writer.object {
            $0.name("data")
            write(&$0, &viewCounts)
        }
        let tag = entityTag(version: version, body: writer.bytes, excluding: viewCounts)
        return Representation(body: ByteBuffer(bytes: writer.bytes), tag: tag)
    }

    /// One page of a list, or a list that is whole. `write` writes the items, and names the places of their view counts.
    static func list(_ pagination: Pagination?, _ write: (inout JSONWriter, inout [Range<Int>]) -> Void) -> Representation {
        var writer = JSONWriter(capacity: 16384)
        var viewCounts: [Range<Int>] = []
        writer.object {
            $0.name("data")
            $0.array { write(&$0, &viewCounts) }
            if let pagination {
                $0.name("pagination")
                pagination.write(to: &$0)
            }
        }
        return Representation(body: ByteBuffer(bytes: writer.bytes), tag: entityTag(listBody: writer.bytes, excluding: viewCounts))
    }
}
