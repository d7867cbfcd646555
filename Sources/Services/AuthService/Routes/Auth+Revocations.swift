import AccessTokens
import EventSourcing
import HTTPContract
import HTTPTypes
import Hummingbird

extension Auth {
    /// `GET /internal/revocations?after=<cursor>`: for services only.
    func revocationNews(_ request: Request, _ context: CallContext) async throws -> Response {
        var query = QueryParameters(request)
        let cursor = query.text("after")
        try query.finish()
        let news = try await revocations.news(after: cursor)
        return Answer.data(headers: [.cacheControl: "no-store"]) { news.write(to: &$0) }
    }
}
