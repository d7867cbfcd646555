package import HTTPTypes

/// One path and what its methods do.
struct Endpoint: Sendable {
    /// The path's template.
    let path: String
    let routes: [HTTPRequest.Method: Routes.Route]
    /// The value of `Allow` (RFC 9110 §10.2.1).
    let allow: String

    init(_ path: String, routes: [HTTPRequest.Method: Routes.Route]) {
        self.path = path
        self.routes = routes
        allow = AllowedMethods.header(for: routes.keys)
    }

    /// The route of a method; HEAD is answered by GET's.
    func route(for method: HTTPRequest.Method) -> Routes.Route? {
        routes[method] ?? (method == .head ? routes[.get] : nil)
    }
}

/// The methods that a path answers to, as `Allow` lists them.
package enum AllowedMethods {
    private static let order: [HTTPRequest.Method] = [.get, .head, .post, .put, .patch, .delete, .options]

    /// The header's value: HEAD comes with GET, and OPTIONS is answered everywhere.
    package static func header(for methods: some Sequence<HTTPRequest.Method>) -> String {
        var all = Set(methods)
        if all.contains(.get) { all.insert(.head) }
        all.insert(.options)
        return order.filter(all.contains).map(\.rawValue).joined(separator: ", ")
    }
}
