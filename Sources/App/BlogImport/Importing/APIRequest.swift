package import EventSourcing
package import FoundationEssentials
package import JSON

/// On whose behalf a request is made.
package enum Subject: Sendable, Hashable {
    /// The operator who runs the import, with an admin's rights.
    case operatorAdmin
    /// A user of that id.
    case user(UUID)
}

/// One request to the HTTP API, before it has a token and an address.
package struct APIRequest: Sendable {
    package enum Method: String, Sendable {
        case get = "GET"
        case post = "POST"
        case patch = "PATCH"
        case delete = "DELETE"
    }

    package let method: Method
    /// From the root, with the query.
    package let path: String
    package let subject: Subject
    package var body: JSONObject?
    package var idempotencyKey: String?
    /// Sent as `Wait-For-Position`.
    package var position: Int64?
    /// Sent as `If-Match`: the version that the command was thought out for.
    package var version: Int?
    /// Sent as `Import-Origin`: what the events of a command say of where they come from.
    package var origin: ImportOrigin?

    package init(
        _ method: Method, _ path: String, as subject: Subject, body: JSONObject? = nil, idempotencyKey: String? = nil,
        waitingFor position: Int64? = nil, ifVersion version: Int? = nil, from origin: ImportOrigin? = nil
    ) {
        self.method = method
        self.path = path
        self.subject = subject
        self.body = body
        self.idempotencyKey = idempotencyKey
        self.position = position
        self.version = version
        self.origin = origin
    }

    /// The header fields, but for the token.
    package var headers: [(name: String, value: String)] {
        // An import is no reader: looking a post up must not count as a view.
        var headers = [(name: "Accept", value: "application/json"), (name: "DNT", value: "1")]
        if body != nil { headers.append((name: "Content-Type", value: "application/json")) }
        if let idempotencyKey { headers.append((name: "Idempotency-Key", value: idempotencyKey)) }
        if let position { headers.append((name: "Wait-For-Position", value: String(position))) }
        if let version { headers.append((name: "If-Match", value: "\"\(version)\"")) }
        if let origin { headers.append((name: "Import-Origin", value: origin.description)) }
        return headers
    }
}
