import Audit
import EventSourcing
import HTTPContract
import HTTPTypes
import Hummingbird
import JSON
import NIOCore
import PublishingAPI

/// The log's checkpoint, tiles and proofs, for auditors. Checkpoint and tiles are for everybody: they hold hashes of sealed events and nothing else.
struct AuditRoutes: Sendable {
    let log: MerkleLog

    func add(to routes: inout Routes) {
        routes.on(.auditCheckpoint) { request, _ in
            try request.refuseParameters()
            guard let checkpoint = try await log.checkpoint() else { throw Problem.notFound("Nothing has been signed yet.") }
            return Self.answer(Array(checkpoint.note.description.utf8), type: "text/plain; charset=utf-8", cacheControl: "no-cache")
        }

        routes.on(.auditTile) { request, context in
            try request.refuseParameters()
            guard let tile = Tile(path: "tile/" + (try context.parameters.text("path"))), let bytes = try await log.served(tile) else {
                // A cache that kept this answer would hide the tile once it is there.
                throw Problem(.notFound, "There is no such tile, or not yet.", headers: [.cacheControl: "no-store"])
            }
            // Even a partial tile never changes: a tree that has grown has another.
            return Self.answer(bytes, type: "application/octet-stream", cacheControl: "public, max-age=31536000, immutable")
        }

        routes.on(.auditProof) { request, context in
            try request.refuseParameters()
            let position = try context.parameters.number("position")
            guard let checkpoint = try await log.checkpoint(), position >= 1, position <= checkpoint.checkpoint.size else {
                throw Problem.notFound("No checkpoint covers this position yet.")
            }
            let proof = try await log.proof(of: position, against: checkpoint)
            return Answer.data(headers: [.cacheControl: "no-cache"]) { writer in
                writer.object {
                    $0.name("position")
                    $0.integer(position)
                    $0.name("leafIndex")
                    $0.integer(proof.index)
                    $0.name("proof")
                    $0.array { for hash in proof.inclusion.hashes { $0.string(hash.base64) } }
                    $0.name("checkpoint")
                    $0.string(checkpoint.note.description)
                }
            }
        }
    }

    private static func answer(_ bytes: [UInt8], type: String, cacheControl: String) -> Response {
        Response(status: .ok, headers: [.contentType: type, .cacheControl: cacheControl], body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }
}

/// The audit trail in pages, as CloudEvents, with personal data opened: for admins.
struct AuditEventRoutes: Sendable {
    let trail: OpenedTrail
    let store: any EventStore
    let catalog: EventCatalog

    func add(to routes: inout Routes) {
        routes.on(.auditEvents) { request, _ in
            var query = QueryParameters(request)
            let limit = query.integer("limit", in: 1...1000, default: 100)
            let filter = query.trailFilter(types: catalog)
            try query.finish()
            try await store.waitForPosition(request)
            let page = try await trail.page(filter, limit: limit)
            guard filter.after <= page.head else { throw Problem.positionAhead(of: page.head) }
            return answer(page, filter: filter, limit: limit, to: request)
        }
    }

    private func answer(_ page: OpenedTrail.Page, filter: TrailFilter, limit: Int, to request: Request) -> Response {
        var writer = JSONWriter(capacity: 4096)
        writer.object {
            $0.name("data")
            $0.array { for event in page.events { $0.cloudEvent(event, catalog: catalog) } }
            $0.name("pagination")
            $0.object {
                $0.name("limit")
                $0.integer(limit)
                $0.name("total")
                // The log's length is its head. How many of them a filter wants is known to nobody who has not counted.
                if filter == TrailFilter(after: filter.after) { $0.integer(page.head) } else { $0.null() }
                if let next = page.next {
                    $0.name("nextAfter")
                    $0.integer(next)
                }
            }
        }
        var headers = HTTPFields()
        headers.setReadModelPosition(page.head)
        let etag = entityTag(listBody: writer.bytes)
        headers[.eTag] = etag
        if Preconditions.isNotModified(request, etag: etag) { return Answer.notModified(headers: headers) }
        return Answer.bytes(json: writer.bytes, headers: headers)
    }
}

extension QueryParameters {
    fileprivate mutating func trailFilter(types catalog: EventCatalog) -> TrailFilter {
        var filter = TrailFilter(after: Int64(integer("after", in: 0...Int.max, default: 0)), actor: id("actor"))
        filter.from = time("from")
        filter.to = time("to")
        if let from = filter.from, let to = filter.to, to < from { refuse("to", "must not be before from") }
        if let name = name("stream") {
            filter.stream = StreamName(name)
            if filter.stream == nil { refuse("stream", "must be a stream's name such as post-0198a3c4-…") }
        }
        if let type = name("type") {
            filter.types = [type]
            if catalog[type] == nil { refuse("type", "must be the type of an event such as PostPublished") }
        }
        return filter
    }
}
