import Audit
import EventSourcing
import FoundationEssentials
import JSON
import Postgres
import Publishing

extension WebhookQueue {
    /// Begins an attempt at each delivery that is due, as far as there is room: whether there was any, and else when the next is due.
    func begin(_ subscription: Webhook, in attempts: inout ThrowingDiscardingTaskGroup<any Error>) async throws -> (Bool, due: Timestamp?) {
        let room = underWay.room
        guard room > 0 else { return (false, nil) }
        let rows = try await means.pool.query(.firstOfStreams, [.uuid(webhook), .texts(underWay.streams), .int8(Int64(room))])
        let waiting = try rows.map { row in
            Attempt(
                position: try row.get(0), event: try row.get(1), stream: try row.get(2), number: try row.get(3, as: Int.self) + 1,
                firstDue: Timestamp(milliseconds: try row.milliseconds(4)), due: Timestamp(milliseconds: try row.milliseconds(5)))
        }
        let now = means.now()
        let due = waiting.filter { $0.due <= now }
        for attempt in due { underWay.add(of: attempt.stream, to: &attempts) { try await make(attempt, for: subscription) } }
        return (!due.isEmpty, waiting.first?.due)
    }

    private struct Attempt {
        let position: Int64
        let event: UUID
        let stream: String
        let number: Int
        let firstDue: Timestamp
        let due: Timestamp
    }

    /// One attempt, and its line in the log. Throws when the log or the vault does not answer: such an attempt was none of the receiver's.
    private func make(_ attempt: Attempt, for subscription: Webhook) async throws {
        var status: Int?
        var failure: DeliveryFailure?
        var asked: Timestamp?
        do {
            let answer = try await send(try await request(for: attempt, of: subscription), attempt.number)
            status = answer.status
            asked = answer.retryAfter.flatMap { RetrySchedule.moment(of: $0, now: means.now()) }
        } catch let found as DeliveryFailure {
            failure = found
        }
        // Stopped: an attempt whose outcome nobody has seen does not count, and is made again.
        try Task.checkCancellation()
        let now = means.now()
        let isDelivered = status.map { 200..<300 ~= $0 } ?? false
        let isOver = isDelivered || status == 410
        let next = isOver ? nil : RetrySchedule.next(after: attempt.number, at: now, firstDue: attempt.firstDue, receiverAsks: asked)
        let state: DeliveryLog.State = isDelivered ? .delivered : next == nil ? .parked : .pending
        let values: [SQLValue] = [
            .uuid(webhook), .int8(attempt.position), .text(state.rawValue), .timestamp((next ?? now).milliseconds), .timestamp(now.milliseconds),
            .int4(optional: status.map(Int32.init)), .text(optional: failure?.rawValue),
        ]
        try await means.pool.query(.noteAttempt, values)
        means.metrics.attempt(state)
        // A receiver that has too much to do, or names a time, means all of its deliveries.
        if let next, status == 429 || asked != nil { try await means.pool.query(.holdQueue, [.uuid(webhook), .timestamp(next.milliseconds)]) }
        guard status == 410 else { return }
        // The receiver is gone.
        try await means.end(webhook)
        try await means.pool.query(.dropPending, [.uuid(webhook)])
    }

    private struct Request {
        let url: WebhookURL
        let headers: [(String, String)]
        let body: [UInt8]
    }

    /// Throws `DeliveryFailure` for what is missing for good.
    private func request(for attempt: Attempt, of subscription: Webhook) async throws -> Request {
        guard let text = subscription.url.value, let url = try? WebhookURL(text) else { throw DeliveryFailure.keyMissing }
        guard let event = try await means.texts.read(after: attempt.position - 1, limit: 1).first, event.id == attempt.event else {
            throw DeliveryFailure.eventMissing
        }
        var writer = JSONWriter(capacity: 1024)
        writer.cloudEvent(event, catalog: means.catalog)
        let seconds = means.now().milliseconds / 1000
        let id = attempt.event.lowercased
        let signatures = try await signatures(of: subscription, id: id, seconds: seconds, body: writer.bytes)
        let headers = [
            ("content-type", "application/cloudevents+json"), ("user-agent", "Annals-Webhooks"), ("webhook-id", id),
            ("webhook-timestamp", "\(seconds)"), ("webhook-signature", signatures.joined(separator: " ")),
        ]
        return Request(url: url, headers: headers, body: writer.bytes)
    }

    private func send(_ request: Request, _ number: Int) async throws(DeliveryFailure) -> WebhookClient.Answer {
        do {
            return try await means.client.post(request.body, headers: request.headers, to: request.url, attempt: number)
        } catch {
            throw error as? DeliveryFailure ?? .unreachable
        }
    }

    /// Those of the present keys first, then those of earlier ones that still sign.
    private func signatures(of subscription: Webhook, id: String, seconds: Int64, body: [UInt8]) async throws -> [String] {
        let now = means.now()
        let earlier = subscription.earlierKeys.filter { $0.until > now }.reversed().map(\.keys)
        var signatures: [String] = []
        for keys in [subscription.keys] + earlier {
            guard let bytes = try await means.secrets.open(keys.sealed, for: webhook), let keys = WebhookSigningKeys(bytes: bytes) else {
                throw DeliveryFailure.keyMissing
            }
            signatures += try keys.signatures(id: id, seconds: seconds, body: body)
        }
        return signatures
    }
}
