import EventSourcing
import FoundationEssentials
import HTTPContract
import Hummingbird
import JSON
import Publishing
import PublishingAPI

/// Takes views from the query service: those of a window as one event, or one post's alone. With `"recorded": true` it only tells whether it did
/// under this key, else 404: a repeat must get its answer before anything is asked of the post.
struct ViewRoutes: Sendable {
    let store: any EventStore
    let identity: CommandIdentity

    func add(to routes: inout Routes) {
        routes.on(.recordViews) { request, context in
            let body = try await request.jsonBody()
            let append = try append(viewCounts(body), body["window"])
            let command = try identity.command(request, context, body: body.without("recorded"))
            if body["recorded"] == .bool(true) {
                guard let receipt = try await store.receipt(of: command) else { throw Problem.notFound() }
                return try replay(receipt, of: command)
            }
            let outcome = try await store.append(AppendRequest([append], claims: [], command: command.key, metadata: command.metadata))
            switch outcome {
            case .appended(let receipt): return answer(receipt, isReplay: false)
            case .alreadyAppended(let receipt): return try replay(receipt, of: command)
            case .conflict, .claimTaken, .claimMissing: throw CommandFailure.contended
            }
        }
        // How far the read models must be to know a post as it is now.
        routes.on(.postPosition) { _, context in
            let post = StreamRead(StreamName(PostRules.category, try context.id()), .backwards)
            guard let last = try await store.read(post, limit: 1).first else { throw Problem.notFound() }
            return Answer.data { $0.object { $0.member("position", last.position) } }
        }
    }

    /// `{"window": <the stream's id>, "views": [{"post", "count"}]}`; without a window the views of one post alone.
    private func append(_ counts: [UUID: Int64], _ window: JSONValue?) throws -> StreamAppend {
        if let window {
            guard let id = window.text.flatMap({ UUID(lowercase: $0) }) else { throw Problem.validation("window", "must be an id") }
            let events = try ViewWindowRules.decide(.record(counts), in: ViewWindowRules.initialState).map(ViewWindowRules.encode)
            return StreamAppend(events, to: StreamName(ViewWindowRules.category, id), expecting: .any, sealedFor: nil)
        }
        guard counts.count == 1, let (post, count) = counts.first else { throw Problem.validation("views", "must be of one post outside a window") }
        let events = try ViewRules.decide(.record(count: count), in: ViewRules.initialState).map(ViewRules.encode)
        return StreamAppend(events, to: StreamName(ViewRules.category, post), expecting: .any, sealedFor: nil)
    }

    /// The views by post, each post's summed.
    private func viewCounts(_ body: JSONObject) throws(Problem) -> [UUID: Int64] {
        guard case .array(let elements)? = body["views"], !elements.isEmpty else { throw .validation("views", "must be a list that is not empty") }
        var counts: [UUID: Int64] = [:]
        for element in elements {
            guard let post = element["post"]?.text.flatMap({ UUID(lowercase: $0) }), let count = element["count"]?.int,
                1...ViewRules.maximumCount ~= count
            else { throw .validation("views", "must be objects of post and count") }
            counts[post, default: 0] += count
        }
        return counts
    }

    private func replay(_ receipt: CommandReceipt, of command: CommandContext) throws(CommandFailure) -> Response {
        guard receipt.key.digest == command.key.digest else { throw .keyReused }
        return answer(receipt, isReplay: command.isRepeatable)
    }

    private func answer(_ receipt: CommandReceipt, isReplay: Bool) -> Response {
        var headers = HTTPFields()
        headers.setPosition(receipt.lastPosition)
        if isReplay { headers.markReplayed() }
        return Answer.data(headers: headers) { $0.object { $0.member("position", receipt.lastPosition) } }
    }
}
