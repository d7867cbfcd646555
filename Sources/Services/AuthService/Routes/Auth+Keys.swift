import AccessTokens
import EventSourcing
import HTTPContract
import HTTPTypes
import Hummingbird
import JSON

extension Auth {
    /// `GET /.well-known/jwks.json`: a JWK Set (RFC 7517 §5), so without the `data` around it.
    func publishedKeys(_ request: Request, _ context: CallContext) async throws -> Response {
        let set: JSONObject = ["keys": .array(try await keys.published().map { .object($0.jwk) })]
        return Answer.bytes(json: JSONValue.object(set).encoded, headers: [.cacheControl: "public, max-age=300"])
    }
}
