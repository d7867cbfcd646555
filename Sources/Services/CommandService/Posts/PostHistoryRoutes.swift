import AccessTokens
import Audit
import EventSourcing
import FoundationEssentials
import HTTPContract
import HTTPTypes
import Hummingbird
import JSON
import Publishing
import PublishingAPI

/// A post's past: its events, and the post at an earlier moment. For its author and admins. The cost of a call follows its answer, not the length of
/// the history.
struct PostHistoryRoutes: Sendable {
    /// A page ends early once its events have so many bytes of text.
    private static let pageBytes = 1 << 20
    /// Events read at once: each may be close to a megabyte.
    private static let readSize = 4

    let store: any EventStore
    let cursors: CursorCodec
    let audit: MerkleLog?
    let budget = HistoryBudget()

    func add(to routes: inout Routes) {
        routes.on(.postHistory) { request, context in
            var query = QueryParameters(request)
            let limit = query.integer("limit", in: 1...100, default: 20)
            let cursor = query.cursor()
            let includesLongTexts = query.choice("include", of: ["content": true], default: false)
            try query.finish()
            let post = try context.post
            let after = try cursor.map { try version(in: $0, of: post) } ?? 0
            try await store.waitForPosition(request)
            return try await budget.spend(for: context.signedIn().id) {
                let head = try await store.head()
                let last = try await visible(post, to: context).version
                let events = try await page(of: post, versions: after + 1...max(after + 1, last), limit: limit)
                let covered = try await audit?.coveredPosition() ?? 0
                return history(
                    events, of: post, last: last, limit: limit, omitting: includesLongTexts ? [] : PostRules.longFields, covered: covered, asOf: head,
                    request: request)
            }
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
            return try await budget.spend(for: context.signedIn().id) {
                let head = try await store.head()
                let newest = try await visible(post, to: context).version
                let last = try await store.read(StreamRead(post, versions: 1...(version ?? newest), until: moment, .backwards), limit: 1).first
                guard let last, version == nil || last.version == version else { throw Problem.notFound() }
                return try await pastPost(store.events(deciding: PostRules.decisive, of: post, through: last.version), asOf: head, request: request)
            }
        }
    }

    /// The post as far as access goes, when this caller may see it. A draft of somebody else looks like no post at all.
    private func visible(_ stream: StreamName, to context: CallContext) async throws -> FoldedStream<PostRules> {
        let post = try FoldedStream<PostRules>(try await store.events(deciding: PostRules.decisiveForAccess, of: stream))
        guard let author = post.state.author else { throw Problem.notFound() }
        try context.requireManagement(of: PostAccess(author: author, isPublished: post.state.isPublished))
        return post
    }

    private func page(of post: StreamName, versions: ClosedRange<Int>, limit: Int) async throws -> [RecordedEvent] {
        var shown: [RecordedEvent] = []
        var bytes = 0
        for try await events in store.pages(of: StreamRead(post, versions: versions), limit: limit, pageSize: Self.readSize) {
            for event in events {
                bytes += event.data.textBytes
                if bytes > Self.pageBytes, !shown.isEmpty { return shown }
                shown.append(event)
            }
        }
        return shown
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
        _ shown: [RecordedEvent], of post: StreamName, last: Int, limit: Int, omitting omitted: Set<String>, covered: Int64, asOf head: Int64,
        request: Request
    ) -> Response {
        var pagination = Pagination(limit: limit, total: Int64(last))
        if let end = shown.last, end.version < last {
            pagination.nextCursor = cursors.encode([.string(post.id.lowercased), .integer(Int64(end.version))])
        }
        var writer = JSONWriter(capacity: 4096)
        writer.object {
            $0.name("data")
            $0.array { for event in shown { $0.historyEntry(event, omitting: omitted, isCovered: event.position <= covered) } }
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
        let account = try await store.events(deciding: UserRules.decisive, of: StreamName(UserRules.category, post.author))
        let author = try FoldedStream<UserRules>(account).state.account
        let publishedAt = try PostRules.publicationTime(in: events)
        let displayName = author?.displayName.value
        let document = PostDocument(
            id: events[0].stream.id, title: post.title.value, slug: post.slug.value, text: .content(post.content.value),
            isPublished: folded.state.isPublished, viewCount: nil,
            author: PostDocument.Author(
                id: post.author, username: author?.username.value, displayName: displayName?.isEmpty == false ? displayName : nil),
            createdAt: folded.createdAt, updatedAt: folded.updatedAt, publishedAt: publishedAt,
            scheduledAt: post.scheduledAt, version: folded.version)
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
    /// One event as its post's author sees it. A forgotten field is null, and a long text may be left out.
    /// - Parameter isCovered: whether a published checkpoint covers it, so that it can't be changed any more without being noticed.
    fileprivate mutating func historyEntry(_ event: RecordedEvent, omitting omitted: Set<String>, isCovered: Bool) {
        object {
            $0.name("position")
            $0.integer(event.position)
            $0.member("type", event.type)
            $0.name("version")
            $0.integer(event.version)
            $0.member("at", event.recordedAt)
            $0.member("actor", event.metadata.actor?.lowercased)
            $0.name("data")
            $0.value(.object(JSONObject(event.data.list.filter { !omitted.contains($0.name) })))
            let left = event.data.names.filter(omitted.contains)
            if !left.isEmpty {
                $0.name("omitted")
                $0.array { names in for name in left { names.string(name) } }
            }
            $0.name("covered")
            $0.bool(isCovered)
        }
    }
}

extension JSONObject {
    /// Bytes of the texts among its members.
    fileprivate var textBytes: Int { list.reduce(0) { $0 + ($1.value.text?.utf8.count ?? 0) } }
}
