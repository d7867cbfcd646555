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
