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
        Response(
            status: .ok, headers: [.contentType: type, .cacheControl: cacheControl], body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }
}
