import HTTPContract
import HTTPTypes
import Hummingbird
import PublishingAPI

/// Published posts as they come and go, for anybody.
struct PostStreamRoutes: Sendable {
    /// A reader who has been away for more events than this begins anew.
    private static let longestReplay: Int64 = 10_000
    /// So many replayed events count as a call.
    private static let eventsPerCall: Int64 = 200

    let feed: LiveFeed

    func add(to routes: inout Routes) {
        routes.on(.postStream) { request, context in
            var query = QueryParameters(request)
            let position = try query.feedPosition(request)
            let names = query.names("type", among: Set(PostChanges.Kind.allCases.map(\.rawValue)), such: "the name of an event such as published")
            try query.finish()
            let start = try await feed.start(after: position, longestReplay: Self.longestReplay)
            let calls = max(1, (start.replayed + Self.eventsPerCall - 1) / Self.eventsPerCall)
            let headers: HTTPFields = calls > 1 ? [.furtherCalls: String(calls - 1)] : [:]
            return try feed.response(from: start, FeedFilter(names: names), headers: headers, client: context.channel)
        }
    }
}
