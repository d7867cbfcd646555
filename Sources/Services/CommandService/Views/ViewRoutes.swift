import EventSourcing
import FoundationEssentials
import HTTPContract
import Hummingbird
import JSON
import Publishing
import PublishingAPI

/// Takes the views that the query service has gathered: one event a post, all in one append. With `"recorded": true` it only tells whether it did
/// under this key, else 404: a repeat must get its answer before anything is asked of the post.
struct ViewRoutes: Sendable {
    let store: any EventStore
    let identity: CommandIdentity

    func add(to routes: inout Routes) {
        routes.on(.recordViews) { request, context in
            let body = try await request.jsonBody()
            let counts = try viewCounts(body)
            // In one order, so that a repeat finds its events in the places they have.
            let posts = counts.keys.sorted { $0.lowercased < $1.lowercased }
            let command = try identity.command(request, context, body: body.without("recorded"))
            if body["recorded"] == .bool(true) {
                guard let receipt = try await store.receipt(of: command) else { throw Problem.notFound() }
                return try replay(receipt, of: command, posts)
            }
            let appends = try posts.map { post in
                StreamAppend(
                    try ViewRules.decide(.record(count: counts[post] ?? 0), in: ViewRules.initialState).map(ViewRules.encode),
                    to: StreamName(ViewRules.category, post), expecting: .any, sealedFor: nil)
            }
            let outcome = try await store.append(AppendRequest(appends, claims: [], command: command.key, metadata: command.metadata))
            switch outcome {
            case .appended(let receipt): return answer(receipt, posts, isReplay: false)
            case .alreadyAppended(let receipt): return try replay(receipt, of: command, posts)
            case .conflict, .claimTaken, .claimMissing: throw CommandFailure.contended
            }
        }
    }

    private func replay(_ receipt: CommandReceipt, of command: CommandContext, _ posts: [UUID]) throws(CommandFailure) -> Response {
        guard receipt.key.digest == command.key.digest else { throw .keyReused }
        return answer(receipt, posts, isReplay: command.isRepeatable)
    }

    /// `{"views": [{"post", "count"}]}`, summed by post.
    private func viewCounts(_ body: JSONObject) throws(Problem) -> [UUID: Int64] {
        guard case .array(let elements)? = body["views"], !elements.isEmpty else { throw .validation("views", "must be a list that is not empty") }
        var counts: [UUID: Int64] = [:]
        for element in elements {
            guard let post = element["post"]?.text.flatMap({ UUID(lowercase: $0) }), let count = element["count"]?.int,
                1...ViewRules.maximumCount ~= count
            else { throw .validation("views", "must be objects of post and count") }
            counts[post] = (counts[post] ?? 0) + count
        }
        return counts
    }

    /// `{"position", "positions": {<post>: <its event>}}`: the posts have one event each, in order.
    private func answer(_ receipt: CommandReceipt, _ posts: [UUID], isReplay: Bool) -> Response {
        var headers = HTTPFields()
        headers.setPosition(receipt.lastPosition)
        if isReplay { headers.markReplayed() }
        return Answer.data(headers: headers) {
            $0.object {
                $0.name("position")
                $0.integer(receipt.lastPosition)
                $0.name("positions")
                $0.object {
                    for (index, post) in posts.enumerated() {
                        $0.name(post.lowercased)
                        $0.integer((receipt.firstPosition ?? receipt.lastPosition) + Int64(index))
                    }
                }
            }
        }
    }
}
