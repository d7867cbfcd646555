import AccessTokens
import EventSourcing
import HTTPContract
import Hummingbird
import PublishingAPI

/// The parts of dashboards: the posts that are read most at present, and an author's totals.
struct OverviewRoutes: Sendable {
    let models: ReadModels
    let now: @Sendable () -> Timestamp

    func add(to routes: inout Routes) {
        routes.on(.trendingPosts) { request, _ in
            var parameters = QueryParameters(request)
            let limit = parameters.integer("limit", in: 1...100, default: 20)
            try parameters.finish()
            let found = try await models.read(TrendingPosts(now: now(), limit: limit), for: request)
            return QueryResponse.list(nil, at: found.position, to: request) {
                for post in found.value { post.write(to: &$0, viewCounts: &$1) }
            }
        }
        routes.on(.ownTotals) { request, context in
            try request.refuseParameters()
            let found = try await models.read(TotalsOfAuthor(author: context.signedIn().id), for: request)
            return QueryResponse.totals(found.value, at: found.position, to: request)
        }
    }
}
