import HTTPContract
import HTTPTypes
import Hummingbird
import JSON
import PublishingAPI

/// The response of every query: with its freshness, an entity tag, and 304 where the caller has it already.
enum QueryResponse {
    /// One post.
    static func post(_ post: PostDocument, at position: Int64, to request: Request) -> Response {
        entity(version: post.version, at: position, to: request) { post.write(to: &$0, viewCounts: &$1) }
    }

    /// One account, with these members beside those that all answers have.
    static func user(_ user: UserDocument, _ members: Set<UserDocument.Member>, at position: Int64, to request: Request) -> Response {
        entity(version: user.version, at: position, to: request) { writer, _ in user.write(members, to: &writer) }
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
        return response(writer.bytes, tag: entityTag(listBody: writer.bytes, excluding: [views]), position, request)
    }

    /// One page of a list, or a list that is whole. `write` writes the items, and names the places of their view counts.
    static func list(
        _ pagination: Pagination?, at position: Int64, to request: Request, _ write: (inout JSONWriter, inout [Range<Int>]) -> Void
    ) -> Response {
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
        return response(writer.bytes, tag: entityTag(listBody: writer.bytes, excluding: viewCounts), position, request)
    }

    /// 404, with how fresh that knowledge is.
    static func notFound(at position: Int64) -> Problem {
        var problem = Problem.notFound()
        problem.headers.setReadModelPosition(position)
        return problem
    }

    /// `{"data": …}` under a tag that starts with the entity's version.
    private static func entity(
        version: Int, at position: Int64, to request: Request, _ write: (inout JSONWriter, inout [Range<Int>]) -> Void
    ) -> Response {
        var writer = JSONWriter(capacity: 1024)
        var viewCounts: [Range<Int>] = []
        writer.object {
            $0.name("data")
            write(&$0, &viewCounts)
        }
        return response(writer.bytes, tag: entityTag(version: version, body: writer.bytes, excluding: viewCounts), position, request)
    }

    private static func response(_ body: [UInt8], tag: String, _ position: Int64, _ request: Request) -> Response {
        var headers = HTTPFields()
        headers.setETag(tag)
        headers.setReadModelPosition(position)
        // An answer depends on the caller and may change at any time: a client may keep it, and has to ask whether it is still right.
        headers[.cacheControl] = "private, no-cache"
        if Preconditions.isNotModified(request, etag: tag) { return Answer.notModified(headers: headers) }
        return Answer.bytes(json: body, headers: headers)
    }
}
