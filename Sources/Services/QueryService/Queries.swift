package import AccessTokens
package import EventSourcing
package import HTTPContract
package import Logging
package import Postgres
package import Projections
import PublishingAPI
import ServiceLifecycle

/// The query service: reads the read database, and asks the command service to record views.
package struct Queries: Service {
    /// The read models that it reads.
    package static let models = JoinedModel.all.map(\.rawValue)

    package let routes: Routes
    package let responder: ServiceResponder
    /// Published posts as they come and go, for anybody.
    package let feed: LiveFeed
    let views: ViewWindow
    private let posts: AnswerCache<PreparedPost>?
    private let lists: AnswerCache<PreparedList>?
    private let positions: ReadModelPositions

    /// - Parameters:
    ///   - read: connections that may SELECT from the read database.
    ///   - positions: tells when a read model has reached a position.
    ///   - commands: the command service, called in this service's name.
    ///   - verifier: verifies users' tokens.
    ///   - services: verify other services' tokens.
    ///   - cursorKey: seals list cursors.
    ///   - feeds: bounds what watchers cost.
    ///   - cacheBytes: the size of all answers that are kept; nil keeps none.
    ///   - now: the time up to which the last 24 hours are counted.
    package init(
        read: ReadPools, positions: ReadModelPositions, commands: ServiceClient, verifier: TokenVerifier, services: ServiceKeys, cursorKey: CursorKey,
        viewWindow: ViewWindowSettings = ViewWindowSettings(), feeds: LiveFeed.Limits = LiveFeed.Limits(), cacheBytes: Int? = nil,
        now: @escaping @Sendable () -> Timestamp = { .now }, logger: Logger
    ) {
        let models = ReadModels(pools: read, positions: positions)
        let recorder = ViewRecorder(commands: commands)
        let cursors = CursorCodec(key: cursorKey)
        views = ViewWindow(recorder: recorder, settings: viewWindow, logger: logger)

        // Posts and lists have a half each, so that neither drives out the other.
        posts = cacheBytes.map { AnswerCache(bytes: $0 / 2) }
        lists = cacheBytes.map { AnswerCache(bytes: $0 / 2) }

        var routes = Routes()
        PostListRoutes(models: models, cursors: cursors, cache: lists).add(to: &routes)
        let limit = ViewerLimit(viewWindow)
        PostRoutes(models: models, views: views, limit: limit, cache: posts).add(to: &routes)
        PostViewRoutes(models: models, views: views, limit: limit, recorder: recorder, cursors: cursors).add(to: &routes)
        UserRoutes(models: models, cursors: cursors).add(to: &routes)
        OverviewRoutes(models: models, now: now).add(to: &routes)
        ErasureRoutes(pool: read.shared, positions: positions).add(to: &routes)
        feed = LiveFeed("posts", PostFeedSource(commands: commands, models: models, logger: logger), limits: feeds, logger: logger)
        PostStreamRoutes(feed: feed).add(to: &routes)
        self.routes = routes
        self.positions = positions
        responder = routes.responder(
            for: .queries, authentication: Authentication(verifier: verifier, services: services), logger: logger,
            mapping: Problem.ofReadDatabase)
    }

    /// How the kept answers do; nil when none are kept.
    package var cacheStatistics: AnswerCacheStatistics? {
        guard let posts, let lists else { return nil }
        return posts.statistics + lists.statistics
    }

    /// Follows the read models' positions, tells watchers, and sends views to the log until stopped. A graceful stop sends what is gathered first.
    package func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await positions.run() }
            group.addTask { await views.run() }
            group.addTask { try await feed.run() }
            group.addTask { try await dropOutdatedAnswers() }
            defer { group.cancelAll() }
            // The first to end is the window, on a graceful stop, or the positions when they can't go on.
            try await group.next()
        }
    }

    /// Nobody is given an answer that is outdated. This lets go of its text, too, which may have been erased since.
    func dropOutdatedAnswers(every pause: Duration = .seconds(5)) async throws {
        var known: ReadModelStanding?
        while true {
            let standing = positions.standing(of: PostPage.models.map(\.rawValue))
            if standing != known {
                posts?.clear()
                lists?.clear()
            }
            known = standing
            try await Task.sleep(for: pause)
        }
    }
}

/// Every statement that this service sends to the read models' tables: what must work with tables before they go live.
package enum ReadStatements {
    package static let all =
        single + [PostList.newest, .newestOfAuthor, .allOfAuthor, .mostViewed, .mostViewedOfAuthor].flatMap { [$0.afterRow, $0.afterOffset] }

    private static let single: [Statement] = [
        .postByID, .postBySlug, .publishedPost, .userByID, .usersByName, .newestUsers, .hourlyViews, .dailyViews, .totalsOfAuthor,
        .trendingPosts, .publicPosts,
    ]
}
