import HTTPContract
import HTTPTypes

/// Header fields that are about one connection, and not passed on (RFC 9110 §7.6.1).
enum HopByHop {
    private static let names: Set<String> = [
        "connection", "keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade",
    ]

    /// The fields that are passed on: all but those of the connection and those that `Connection` names.
    ///
    /// A field that the gateway adds can't be named away: a client could else keep from a service what it is told about the client.
    static func stripped(_ fields: HTTPFields) -> HTTPFields {
        let named = fields[values: .connection].flatMap { value in
            WireText(value).split(at: ",").compactMap { HTTPField.Name($0.trimmingBlanks.string)?.canonicalName }
        }
        return HTTPFields(
            fields.filter { field in
                let name = field.name.canonicalName
                return !names.contains(name) && (!named.contains(name) || isKept(name))
            })
    }

    private static func isKept(_ name: String) -> Bool {
        name.hasPrefix("x-annals-") || name.hasPrefix("x-forwarded-") || ["forwarded", "x-request-id", "traceparent", "authorization"].contains(name)
    }
}
