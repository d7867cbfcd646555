import EventSourcing
import FoundationEssentials
package import Logging
import Postgres
import Publishing
package import Subscribers

/// Delivers events to webhooks: one process at a time, under a lease. It follows the webhooks' own events, and works for each webhook side by side.
package struct WebhookRelay: Sendable {
    /// How long deliveries that are over stay in the log of deliveries.
    private static let kept = Duration.seconds(-30 * 86_400)
    /// The longest wait of a queue: what waits for nothing else is looked at that often.
    private static let look = Duration.seconds(30)

    private let means: WebhookMeans
    private let subscriber: LeasedSubscriber
    private let logger: Logger

    package init(_ means: WebhookMeans, logger: Logger) {
        self.means = means
        self.logger = logger
        subscriber = LeasedSubscriber("webhooks", means.pool, logger: logger)
    }

    package var status: LeasedSubscriber.Status { subscriber.status }

    /// Runs until cancelled.
    package func run() async throws {
        try await subscriber.run { _ in
            defer { means.pending.clear() }
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await followWebhooks() }
                group.addTask { try await prune() }
                defer { group.cancelAll() }
                try await group.next()
            }
        }
    }

    /// Gives the lease back after `run` has ended.
    package func release() async { await subscriber.release() }

    private func prune() async throws {
        while true {
            try await means.pool.query(.prune, [.timestamp(means.now().advanced(by: Self.kept).milliseconds)])
            try await Task.sleep(for: .seconds(3600))
        }
    }

    private func followWebhooks() async throws {
        means.registry.clear()
        let filter = EventFilter(category: WebhookRules.category)
        let head = try await means.log.head()
        var known: Set<UUID> = []
        if head > 0 {
            // All of them first: half of a webhook's events make one that is not deleted yet, or is signed with an earlier secret.
            for try await page in means.log.pages(of: LogRead(filter, positions: 1...head)) {
                for event in page { try means.registry.apply(event) }
                known.formUnion(page.map(\.stream.id))
            }
        }
        let found = known
        try await withThrowingTaskGroup(of: Void.self) { group in
            defer { group.cancelAll() }
            var queues: [UUID: Signal] = [:]
            func wake(_ webhook: UUID) {
                if let signal = queues[webhook] { return signal.raise() }
                let signal = Signal()
                queues[webhook] = signal
                group.addTask { try await work(on: webhook, wokenBy: signal) }
            }
            for webhook in found { wake(webhook) }
            for try await page in means.log.subscribe(after: head, to: filter) {
                for event in page { try means.registry.apply(event) }
                for webhook in Set(page.map(\.stream.id)) { wake(webhook) }
            }
            try Task.checkCancellation()
        }
    }

    private func work(on webhook: UUID, wokenBy signal: Signal) async throws {
        let queue = WebhookQueue(of: webhook, by: means, raising: signal)
        var backoff = Backoff(from: .milliseconds(200), to: .seconds(10))
        while !Task.isCancelled {
            do {
                try await queue.work { turn in
                    switch turn {
                    case .worked: backoff.reset()
                    case .finishing, .over: try await signal.wait()
                    case .idle(let moment), .delivering(let moment): try await wait(for: queue, until: moment, wokenBy: signal)
                    }
                    return true
                }
            } catch {
                if Task.isCancelled { return }
                logger.warning("a webhook waits", metadata: ["webhook": "\(webhook.lowercased)", "reason": "\(error)"])
                try await Task.sleep(for: backoff.next())
            }
        }
    }

    private func wait(for queue: WebhookQueue, until moment: Timestamp?, wokenBy signal: Signal) async throws {
        let place = try await queue.place()
        let pause = moment.map { Duration.milliseconds(max(0, $0.milliseconds - means.now().milliseconds)) } ?? Self.look
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await signal.wait() }
            if let place { group.addTask { [log = means.log] in try await log.waitForEvents(after: place) } }
            group.addTask { try await Task.sleep(for: min(pause, Self.look)) }
            defer { group.cancelAll() }
            try await group.next()
        }
    }
}
