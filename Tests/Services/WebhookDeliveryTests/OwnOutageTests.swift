import EventLog
import EventLogTesting
import EventSourcing
import FoundationEssentials
import Publishing
import Synchronization
import TestSupport
import Testing
import Vault
import WebhookDelivery

@Suite(.timeLimit(.minutes(5))) struct `A webhook in an outage that is not its receiver's` {
    @Test func `waits, and no attempt is counted, however long it lasts`() async throws {
        try await Outbox.open { outbox in
            let secrets = AwaySecrets(outbox.log.vault)
            let means = WebhookMeans(
                WebhookSettings(texts: outbox.log.store, catalog: .publishing, secrets: secrets, addresses: ReachableAddresses()),
                log: outbox.log.store, pool: outbox.means.pool, client: outbox.means.client, now: { outbox.clock.now }, end: outbox.means.end)
            let impeded = Outbox(log: outbox.log, receiver: outbox.receiver, means: means, clock: outbox.clock)
            let webhook = try await impeded.webhook()
            _ = try await impeded.post()
            for _ in 0..<3 {
                await #expect(throws: AwaySecrets.Away.self) { try await impeded.settle(webhook) }
                impeded.clock.move(by: RetrySchedule.patience)
            }
            let waiting = try #require(try await impeded.deliveries(of: webhook).first)
            #expect(waiting.state == .pending && waiting.attempts == 0 && waiting.lastError == nil)
            #expect(impeded.receiver.calls.isEmpty)

            secrets.comeBack()
            try await impeded.settle(webhook)
            let delivered = try #require(try await impeded.deliveries(of: webhook).first)
            #expect(delivered.state == .delivered && delivered.attempts == 1)
        }
    }
}

/// Secrets in a vault that does not answer at first.
private final class AwaySecrets: SecretSealing {
    struct Away: Error {}

    private let secrets: any SecretSealing
    private let isAway = Mutex(true)

    init(_ secrets: any SecretSealing) { self.secrets = secrets }

    func comeBack() { isAway.withLock { $0 = false } }

    func seal(_ secret: [UInt8], for owner: UUID) async throws -> String { try await secrets.seal(secret, for: owner) }

    func open(_ sealed: String, for owner: UUID) async throws -> [UInt8]? {
        if isAway.withLock({ $0 }) { throw Away() }
        return try await secrets.open(sealed, for: owner)
    }
}
