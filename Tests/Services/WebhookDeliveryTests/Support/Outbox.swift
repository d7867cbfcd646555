import EventLog
import EventLogTesting
import EventSourcing
import FoundationEssentials
import HTTPContract
import Postgres
import Publishing
import Synchronization
import TestSupport
import Vault
import WebhookDelivery

/// A log with webhooks on it, a receiver for them, and a clock that the test moves.
struct Outbox: Sendable {
    let log: LogUnderTest
    let receiver: Receiver
    let means: WebhookMeans
    let clock: Hands

    /// The time as the relay sees it.
    final class Hands: Sendable {
        private let time = Mutex(Timestamp.now)

        var now: Timestamp { time.withLock { $0 } }

        func move(by duration: Duration) { time.withLock { $0 = $0.advanced(by: duration) } }
    }

    /// - Parameters:
    ///   - allowing: the blocks that may be delivered to.
    ///   - resolve: finds the addresses of names.
    static func open(
        allowing: [String] = ["127.0.0.0/8"], resolve: @escaping HostResolver = SystemResolver.addresses,
        _ body: @escaping @Sendable (Outbox) async throws -> Void
    ) async throws {
        try await LogUnderTest.open(.publishing) { log in
            try await log.withPool(as: "annals_relay") { pool in
                try await Receiver.with { receiver in
                    let clock = Hands()
                    let means = WebhookMeans(
                        WebhookSettings(texts: log.store, catalog: .publishing, secrets: log.vault, addresses: ReachableAddresses()), log: log.store,
                        pool: pool,
                        client: WebhookClient(
                            reaching: ReachableAddresses(allowing: allowing.compactMap { AddressBlock($0) }), resolve: resolve,
                            patience: .seconds(3600)), now: { clock.now }
                    ) { _ = try await handle(.end, on: $0, in: log) }
                    try await body(Outbox(log: log, receiver: receiver, means: means, clock: clock))
                }
            }
        }
    }

    /// A new webhook, at the receiver unless a URL is given.
    func webhook(_ types: [String] = ["PostDrafted", "PostEdited", "PostDeleted"], url: String? = nil, keys: WebhookSigningKeys = .init())
        async throws -> UUID
    {
        let id = UUID.v7()
        let sealed = WebhookKeys(sealed: try await log.vault.seal(keys.bytes, for: id), publicKey: keys.publicKeyText)
        let url = try WebhookURL(url ?? "http://127.0.0.1:\(receiver.port)/hook")
        _ = try await handle(.create(url: url, types: types, keys: sealed), on: id)
        return id
    }

    @discardableResult func handle(_ command: WebhookCommand, on webhook: UUID) async throws -> Int64 {
        try await Self.handle(command, on: webhook, in: log)
    }

    private static func handle(_ command: WebhookCommand, on webhook: UUID, in log: LogUnderTest) async throws -> Int64 {
        try await CommandHandler<WebhookRules>(store: log.store)
            .handle(command, on: StreamName(WebhookRules.category, webhook), in: .ofTheSystem()).position
    }

    /// A new person.
    func person() async throws -> UUID {
        let id = UUID.v7()
        try await log.vault.createKey(for: id)
        return id
    }

    /// Events of a post, straight in the log.
    func append(_ events: [PostEvent], to post: UUID, by author: UUID) async throws {
        let append = StreamAppend(events.map(PostRules.encode), to: StreamName(PostRules.category, post), expecting: .any, sealedFor: author)
        _ = try await log.store.append(AppendRequest([append], claims: [], command: .unrepeated(), metadata: EventMetadata(command: .v7())))
    }

    /// A post that was drafted and edited so many times.
    func post(edits: Int = 0) async throws -> UUID {
        let (author, post) = (try await person(), UUID.v7())
        var events: [PostEvent] = [.drafted(author: author, title: .known("T"), slug: .known("t"), content: .known("C"))]
        for number in 0..<edits { events.append(.edited(title: .known("T \(number)"), slug: nil, content: nil)) }
        try await append(events, to: post, by: author)
        return post
    }

    /// Works for a webhook until there is nothing to do; says until when.
    @discardableResult func settle(_ webhook: UUID) async throws -> WebhookQueue.Turn {
        means.registry.clear()
        for try await page in log.store.pages(of: LogRead(EventFilter(category: WebhookRules.category))) {
            for event in page { try means.registry.apply(event) }
        }
        let signal = Signal()
        var last = WebhookQueue.Turn.worked
        try await WebhookQueue(of: webhook, by: means, raising: signal).work { turn in
            last = turn
            switch turn {
            case .worked: return true
            case .idle, .over: return false
            case .delivering, .finishing:
                try await signal.wait()
                return true
            }
        }
        return last
    }

    /// The deliveries of a webhook, oldest first.
    func deliveries(of webhook: UUID) async throws -> [DeliveryLog.Delivery] {
        try await DeliveryLog(means.pool).deliveries(of: webhook, limit: 1000).reversed()
    }

    /// The ids of a stream's events.
    func events(of post: UUID) async throws -> [String] {
        try await log.store.load(StreamName(PostRules.category, post)).events.map(\.id.lowercased)
    }
}
