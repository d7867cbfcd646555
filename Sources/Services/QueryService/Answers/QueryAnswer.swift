import EventSourcing
import HTTPContract
import HTTPTypes
import Hummingbird
import JSON

/// How every query answers: with its freshness, an entity tag, and 304 where the caller has it already.
enum QueryAnswer {
    /// One entity: `{"data": …}` under a tag that starts with its version.
    static func entity(version: Int, at position: Int64, to request: Request, _ write: (inout JSONWriter) throws -> Void) rethrows -> Response {
        var writer = JSONWriter(capacity: 1024)
        try writer.object {
            $0.name("data")
            try write(&$0)
        }
        return answer(writer.bytes, tag: entityTag(version: version, body: writer.bytes), position, request)
    }

    /// One page of a list.
    static func list(_ pagination: Pagination, at position: Int64, to request: Request, _ write: (inout JSONWriter) -> Void) -> Response {
        var writer = JSONWriter(capacity: 16384)
        writer.object {
            $0.name("data")
            $0.array(write)
            $0.name("pagination")
            pagination.write(to: &$0)
        }
        return answer(writer.bytes, tag: entityTag(listBody: writer.bytes), position, request)
    }

    /// 404, with how fresh that knowledge is.
    static func notFound(at position: Int64) -> Problem {
        var problem = Problem.notFound()
        problem.headers.setReadModelPosition(position)
        return problem
    }

    private static func answer(_ body: [UInt8], tag: String, _ position: Int64, _ request: Request) -> Response {
        var headers = HTTPFields()
        headers.setETag(tag)
        headers.setReadModelPosition(position)
        // What is shown depends on who asks, and may change at any time: a client may keep it, and has to ask whether it still holds.
        headers[.cacheControl] = "private, no-cache"
        if Preconditions.isNotModified(request, etag: tag) { return Answer.notModified(headers: headers) }
        return Answer.bytes(json: body, headers: headers)
    }
}
