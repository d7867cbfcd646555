import Audit
import EventSourcing
import FoundationEssentials
import HTTPContract
import HTTPTypes
import Hummingbird
import JSON
import Publishing
import PublishingAPI

/// What a post was: its events, and itself at an earlier moment. For its author and admins.
struct PostHistoryRoutes: Sendable {
    let store: any EventStore
    let cursors: CursorCodec
    let audit: MerkleLog?

    func add(to routes: inout Routes) {
        routes.on(.postHistory) { request, context in
            var query = QueryParameters(request)
            let limit = query.integer("limit", in: 1...100, default: 20)
            let cursor = query.cursor()
            try query.finish()
            let post = try context.post
            let after = try cursor.map { try version(in: $0, of: post) } ?? 0
            try await store.waitForPosition(request)
            let head = try await store.head()
            let events = try await visibleEvents(of: post, to: context)
            let covered = try await audit?.coveredPosition() ?? 0
            return history(events, of: post, after: after, limit: limit, covered: covered, asOf: head, request: request)
        }

        // Without a version or a moment, a post is the query service's.
        routes.on(.postInThePast) { request, context in
            var query = QueryParameters(request)
            let version = query.text("version") == nil ? nil : query.integer("version", in: 1...Int(Int32.max), default: 1)
            let moment = query.time("asOf")
            if version != nil, moment != nil { query.refuse("asOf", "can't be combined with version") }
            try query.finish()
            let post = try context.post
            try await store.waitForPosition(request)
            let head = try await store.head()
            let events = try await visibleEvents(of: post, to: context)
            let past = events.prefix { event in version.map { event.version <= $0 } ?? true && moment.map { event.recordedAt <= $0 } ?? true }
            guard let last = past.last, version == nil || last.version == version else { throw Problem.notFound() }
            return try await pastPost(Array(past), asOf: head, request: request)
        }
    }

    /// The post's events, when this caller may see them. A draft of somebody else looks like no post at all.
    private func visibleEvents(of stream: StreamName, to context: CallContext) async throws -> [RecordedEvent] {
        let events = try await store.load(stream).events
        let state = try FoldedStream<PostRules>(events).state
        guard let author = state.author else { throw Problem.notFound() }
        try context.requireManagement(of: PostAccess(author: author, isPublished: state.isPublished))
        return events
    }

    /// The version that a page ended with.
    private func version(in cursor: String, of post: StreamName) throws(Problem) -> Int {
        let values = try cursors.decode(cursor)
        guard values.count == 2, values[0] == .string(post.id.lowercased), let version = values[1].int else {
            throw .malformed("The cursor belongs to another post.")
        }
        return Int(version)
    }

    /// One page. `head` is how far the log had come before the events were read, so it is true of them whatever was appended meanwhile.
    private func history(
        _ events: [RecordedEvent], of post: StreamName, after version: Int, limit: Int, covered: Int64, asOf head: Int64, request: Request
    ) -> Response {
        let shown = events.drop { $0.version <= version }.prefix(limit)
        var pagination = Pagination(limit: limit, total: Int64(events.count))
        if let last = shown.last, last.version < events.count {
            pagination.nextCursor = cursors.encode([.string(post.id.lowercased), .integer(Int64(last.version))])
        }
        var writer = JSONWriter(capacity: 4096)
        writer.object {
            $0.name("data")
            $0.array { for event in shown { $0.historyEntry(event, isCovered: event.position <= covered) } }
            $0.name("pagination")
            pagination.write(to: &$0)
        }
        var headers = HTTPFields()
        headers.setReadModelPosition(head)
        let etag = entityTag(listBody: writer.bytes)
        headers[.eTag] = etag
        if Preconditions.isNotModified(request, etag: etag) { return Response(status: .notModified, headers: headers) }
        return Answer.bytes(json: writer.bytes, headers: headers)
    }

    private func pastPost(_ events: [RecordedEvent], asOf head: Int64, request: Request) async throws -> Response {
        let folded = try FoldedStream<PostRules>(events)
        guard let post = folded.state.post else { throw Problem.notFound() }
        let author = try FoldedStream<UserRules>(try await store.load(StreamName(UserRules.category, post.author)).events).state.account
        let publishedAt = try PostRules.publicationTime(in: events)
        let displayName = author?.displayName.value
        let document = PostDocument(
            id: events[0].stream.id, title: post.title.value, slug: post.slug.value, text: .content(post.content.value),
            isPublished: folded.state.isPublished, viewCount: nil,
            author: PostDocument.Author(
                id: post.author, username: author?.username.value, displayName: displayName?.isEmpty == false ? displayName : nil),
            createdAt: folded.createdAt, updatedAt: folded.updatedAt, publishedAt: publishedAt, version: folded.version)
        var writer = JSONWriter(capacity: 4096)
        var viewCounts: [Range<Int>] = []
        writer.object {
            $0.name("data")
            document.write(to: &$0, viewCounts: &viewCounts)
        }
        let etag = entityTag(version: folded.version, body: writer.bytes)
        var headers = HTTPFields()
        headers[.eTag] = etag
        headers.setReadModelPosition(head)
        if Preconditions.isNotModified(request, etag: etag) { return Response(status: .notModified, headers: headers) }
        return Answer.bytes(json: writer.bytes, headers: headers)
    }
}

extension JSONWriter {
    /// One event as its post's author sees it. A forgotten field is null.
    /// - Parameter isCovered: whether a published checkpoint covers it, so that it can't be changed any more without being noticed.
    fileprivate mutating func historyEntry(_ event: RecordedEvent, isCovered: Bool) {
        object {
            $0.name("position")
            $0.integer(event.position)
            $0.member("type", event.type)
            $0.name("version")
            $0.integer(event.version)
            $0.member("at", event.recordedAt)
            $0.member("actor", event.metadata.actor?.lowercased)
            $0.name("data")
            $0.value(.object(event.data))
            $0.name("covered")
            $0.bool(isCovered)
        }
    }
}
