import EventSourcing
import FoundationEssentials
import HTTPContract
import HTTPTypes
import JSON
import PublishingAPI

/// Sends views to the command service, which alone may write to the log.
struct ViewRecorder: Sendable {
    /// A batch's place in the log.
    struct Receipt: Sendable, Equatable {
        /// The position of its event.
        let position: Int64
        /// Whether it was there before.
        let wasReplayed: Bool
    }

    let commands: ServiceClient

    /// The position that the read models must have reached to know a post as the log has it now; nil where there is no such post.
    func position(of post: UUID, context: CallContext) async throws -> Int64? {
        let answer = try await commands.get(.postPosition, post.lowercased, context: context)
        if answer.problemCode == .notFound { return nil }
        guard let position = answer.data?["position"]?.int else { throw ViewsNotTaken(status: answer.status.code) }
        return position
    }

    /// Returns once the batch is durable. Throws `ViewsRefused` when repeating it can't help, anything else when it can.
    func record(_ batch: ViewBatch, context: CallContext? = nil) async throws -> Receipt {
        try await send(batch.json, of: batch, context: context)
    }

    /// The receipt of a batch that was recorded before; nil when it was not. Throws as `record` does.
    func receipt(of batch: ViewBatch, context: CallContext) async throws -> Receipt? {
        var json = batch.json
        json["recorded"] = .bool(true)
        do {
            return try await send(json, of: batch, context: context)
        } catch let refusal as ViewsRefused where refusal.code == .notFound {
            return nil
        }
    }

    private func send(_ json: JSONObject, of batch: ViewBatch, context: CallContext?) async throws -> Receipt {
        let answer = try await commands.post(.recordViews, json: json, headers: [.idempotencyKey: batch.key], context: context)
        if let position = answer.data?["position"]?.int {
            return Receipt(position: position, wasReplayed: answer.headers[.idempotencyReplayed] == "true")
        }
        switch answer.status.code {
        // Told to wait, or not known as a service for a moment: the next try may go through. Nothing else that is ours to mend will change by itself.
        case 401, 408, 425, 429: throw ViewsNotTaken(status: answer.status.code)
        case 400..<500: throw ViewsRefused(code: answer.problemCode, status: answer.status.code)
        default: throw ViewsNotTaken(status: answer.status.code)
        }
    }
}

/// The command service will never take this batch.
struct ViewsRefused: Error {
    let code: Problem.Code?
    let status: Int
}

/// The command service did not take this batch now.
struct ViewsNotTaken: Error {
    let status: Int
}

/// The views that go to the log in one call. A repeat has the same key and the same content, so it adds nothing twice.
struct ViewBatch {
    let key: String
    /// The stream that gets them all as one event; nil for one post's views alone.
    let window: UUID?
    let views: [ViewTally.Entry]

    /// The views of a window.
    init(_ views: [ViewTally.Entry], in window: UUID) {
        key = UUID.v7().lowercased
        self.window = window
        self.views = views
    }

    /// One view, under a caller's key.
    init(of post: UUID, key: String) {
        self.key = key
        window = nil
        views = [(post, 1)]
    }

    /// All views in it.
    var count: Int64 { views.reduce(0) { $0 + $1.count } }

    /// `{"views": [{"post", "count"}], "window"?}`
    var json: JSONObject {
        var json: JSONObject = ["views": .array(views.map { .object(["post": .string($0.post.lowercased), "count": .integer($0.count)]) })]
        if let window { json["window"] = .string(window.lowercased) }
        return json
    }
}
