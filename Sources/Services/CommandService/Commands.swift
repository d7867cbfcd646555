package import AccessTokens
package import Audit
package import EventSourcing
package import HTTPContract
package import Logging
import Publishing
import PublishingAPI
import WebhookDelivery

/// The command service: appends to the log, and answers what only the log's owner can, such as a post's history and its past versions.
package struct Commands: Sendable {
    package let routes: Routes
    package let responder: ServiceResponder
    /// The whole log, as admins watch it.
    package let feed: LiveFeed
    private let cache: CachedStates?

    /// - Parameters:
    ///   - store: the log, opened for appends.
    ///   - catalog: the event types that the log may hold.
    ///   - keys: makes a person's data key at registration.
    ///   - hasher: turns callers' idempotency keys into what the log may keep.
    ///   - cache: spares long histories being folded for each command; `run()` runs it.
    ///   - audit: the log's tree and checkpoints; without it no event is covered, and there are no proofs.
    ///   - services: verify other services' tokens.
    ///   - webhooks: what webhooks are managed with; without it there are none.
    ///   - feeds: bounds what watchers cost.
    ///   - trail: the log as auditors read it, opened; without it there are no audit events.
    package init(
        store: any EventStore, catalog: EventCatalog, keys: any PersonalKeys, hasher: any KeyedHasher, cache: CachedStates? = nil,
        audit: MerkleLog? = nil,
        trail: OpenedTrail? = nil, feeds: LiveFeed.Limits = LiveFeed.Limits(), webhooks: WebhookAccess? = nil, verifier: TokenVerifier,
        services: ServiceKeys, logger: Logger
    ) {
        let identity = CommandIdentity(hasher: hasher)
        let users = CommandHandler(store: store, cache: cache?.users)
        let posts = CommandHandler(store: store, cache: cache?.posts)
        let administration = Administration(store: store, users: users)
        // The hasher's key is the same in all command services and nowhere else.
        let cursors = CursorCodec(key: CursorKey(bytes: hasher.hash(["cursors"])), purpose: "history")
        var routes = Routes()
        PostCommandRoutes(store: store, posts: posts, identity: identity).add(to: &routes)
        PostHistoryRoutes(store: store, cursors: cursors, audit: audit).add(to: &routes)
        if let audit { AuditRoutes(log: audit).add(to: &routes) }
        ProfileRoutes(store: store, users: users, identity: identity).add(to: &routes)
        AdministrationRoutes(administration: administration, identity: identity).add(to: &routes)
        AccountRoutes(store: store, users: users, keys: keys, identity: identity).add(to: &routes)
        ClosureRoutes(store: store, administration: administration, posts: posts, hasher: hasher)
            .add(to: &routes)
        ViewRoutes(store: store, identity: identity).add(to: &routes)
        ProcessRoutes(store: store).add(to: &routes)
        if let trail { AuditEventRoutes(trail: trail, store: store, catalog: catalog).add(to: &routes) }
        if let webhooks { WebhookRoutes(store: store, access: webhooks, catalog: catalog, identity: identity).add(to: &routes) }
        PostChangeRoutes(store: store, catalog: catalog).add(to: &routes)
        feed = LiveFeed("events", LogFeedSource(store: store, catalog: catalog), limits: feeds, logger: logger)
        EventStreamRoutes(feed: feed, catalog: catalog, authentication: Authentication(verifier: verifier)).add(to: &routes)
        self.routes = routes
        self.cache = cache
        responder = routes.responder(
            for: .commands, authentication: Authentication(verifier: verifier, services: services), logger: logger,
            mapping: Problem.init(commandError:))
    }

    /// Keeps the cached states in step with the log, and its watchers told, until cancelled.
    package func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await feed.run() }
            if let cache { group.addTask { try await cache.run() } }
            defer { group.cancelAll() }
            try await group.next()
        }
    }
}
