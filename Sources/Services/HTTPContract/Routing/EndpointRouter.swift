import HTTPTypes
package import Hummingbird
package import PublishingAPI

/// The endpoint that a request is for, and the values in its path.
package struct EndpointMatch: Sendable {
    package let endpoint: Endpoint
    package let parameters: Parameters
}

/// Finds the endpoint of a request. One router serves the whole process; a service that stands alone has one of its own endpoints.
package struct EndpointRouter: Sendable {
    /// The endpoints at one path.
    private struct Path: Sendable {
        var endpoints: [Endpoint] = []
        /// The value of `Allow` (RFC 9110 §10.2.1): HEAD comes with GET, and OPTIONS is answered everywhere.
        var allow = ""
    }

    package enum Match: Sendable {
        case endpoint(EndpointMatch)
        /// OPTIONS, with the methods that the path has.
        case options(allow: String)
    }

    private static let methodOrder: [HTTPRequest.Method] = [.get, .head, .post, .put, .patch, .delete, .options]

    private let tree: RouteTree<Path>

    package init(_ endpoints: some Sequence<Endpoint>) {
        var paths: [String: Path] = [:]
        for path in Endpoint.reservedPaths { paths[path] = Path() }
        for endpoint in endpoints { paths[endpoint.route.path, default: Path()].endpoints.append(endpoint) }
        tree = RouteTree(
            paths.map { path, value in
                let methods = value.endpoints.map(\.route.method)
                let allowed = Set(methods + (methods.contains(.get) ? [.head, .options] : [.options]))
                return (
                    path, Path(endpoints: value.endpoints, allow: Self.methodOrder.filter(allowed.contains).map(\.rawValue).joined(separator: ", "))
                )
            })
    }

    /// The endpoint that a request is for, else 400 for a broken path, 404 or 405.
    package func match(_ request: Request) throws(Problem) -> Match {
        switch tree.match(request.path) {
        case .malformed: throw .malformed("The path has a broken percent-encoding.")
        case .unknown: throw .notFound()
        case .found(let path, let parameters):
            guard !path.endpoints.isEmpty else { throw .notFound() }
            if let endpoint = Self.endpoint(of: request, in: path) {
                return .endpoint(EndpointMatch(endpoint: endpoint, parameters: Parameters(parameters.map { (key: $0.name, value: $0.value) })))
            }
            guard request.method == .options else { throw .methodNotAllowed(allow: path.allow) }
            return .options(allow: path.allow)
        }
    }

    /// HEAD goes to GET's endpoint. Of several, the one whose names are in the query answers, else the one that wants no names.
    private static func endpoint(of request: Request, in path: Path) -> Endpoint? {
        let method = request.method == .head ? .get : request.method
        let candidates = path.endpoints.filter { $0.route.method == method }
        guard candidates.count > 1 else { return candidates.first }
        let query = QueryParameters(request)
        return candidates.first { $0.route.queryNames.contains(where: query.has) } ?? candidates.first { $0.route.queryNames.isEmpty }
    }
}
