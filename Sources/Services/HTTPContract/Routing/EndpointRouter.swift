import HTTPTypes
package import Hummingbird
package import PublishingAPI

/// The endpoint that a request is for, and the values in its path.
package struct EndpointMatch: Sendable {
    package let endpoint: Endpoint
    package let parameters: Parameters
}

/// Finds the endpoint of a request. One router serves the whole process; a service that stands alone has one of its own endpoints.
///
/// A tree of path segments, so a match costs one look-up a segment, however many endpoints there are. A literal wins over a parameter, for good:
/// there is no going back. Matching is strict: no empty segments, so `/a/` and `//a` are not `/a`; no `.` or `..`, so no path can name another one.
/// Segments are percent-decoded before they are compared.
package struct EndpointRouter: Sendable {
    package enum Match: Sendable {
        case endpoint(EndpointMatch)
        /// OPTIONS, with the methods that the path has.
        case options(allow: String)
    }

    private typealias Value = (name: Substring, value: Substring)

    private let root: Node

    /// Templates that stand at the same place must name their parameter alike.
    package init(_ endpoints: some Sequence<Endpoint>) {
        var paths: [String: [Endpoint]] = [:]
        for endpoint in endpoints { paths[endpoint.route.path, default: []].append(endpoint) }
        root = Node(paths.map { ($0.split(separator: "/")[...], Path($1)) })
    }

    /// The endpoint that a request is for, else 400 for a broken percent-encoding, 404 or 405.
    package func match(_ request: Request) throws(Problem) -> Match {
        guard let (path, values) = try find(request.path), !path.endpoints.isEmpty else { throw .notFound() }
        if let endpoint = path.endpoint(of: request) {
            return .endpoint(EndpointMatch(endpoint: endpoint, parameters: Parameters(values.map { (key: $0.name, value: $0.value) })))
        }
        guard request.method == .options else { throw .methodNotAllowed(allow: path.allow) }
        return .options(allow: path.allow)
    }

    /// The entry of a path as it stands in the request line, with the values of its parameters.
    private func find(_ path: WireText) throws(Problem) -> (Path, [Value])? {
        guard path.first == UInt8(ascii: "/") else { return nil }
        var node = root
        var values: [Value] = []
        // The path `/` has no segment, not an empty one.
        var rest: WireText? = path.count == 1 ? nil : path.dropFirst()
        while let remaining = rest {
            let (raw, after) = remaining.cut(at: "/").map { ($0, Optional($1)) } ?? (remaining, nil)
            guard let segment = try Self.decode(raw) else { return nil }
            if let next = node.literals[segment] {
                node = next
            } else if let parameter = node.parameter {
                values.append((parameter.name, segment.text))
                node = parameter.node
            } else if let catchAll = node.rest {
                for segment in remaining.split(at: "/") where try Self.decode(segment) == nil { return nil }
                values.append((catchAll.name, remaining.percentDecoded()?.text ?? ""))
                return (catchAll.path, values)
            } else {
                return nil
            }
            rest = after
        }
        return node.path.map { ($0, values) }
    }

    /// A segment's text; nil for one that matches nothing, 400 for a broken percent-encoding.
    private static func decode(_ segment: WireText) throws(Problem) -> WireText? {
        guard let decoded = segment.percentDecoded() else { throw .malformed("The path has a broken percent-encoding.") }
        return decoded.isEmpty || decoded == "." || decoded == ".." ? nil : decoded
    }
}

/// The endpoints at one path.
private struct Path: Sendable {
    private static let methodOrder: [HTTPRequest.Method] = [.get, .head, .post, .put, .patch, .delete, .options]

    let endpoints: [Endpoint]
    /// The value of `Allow` (RFC 9110 §10.2.1): HEAD comes with GET, and OPTIONS is answered everywhere.
    let allow: String

    init(_ endpoints: [Endpoint]) {
        self.endpoints = endpoints
        let methods = endpoints.map(\.route.method)
        let allowed = Set(methods + (methods.contains(.get) ? [.head, .options] : [.options]))
        allow = Self.methodOrder.filter(allowed.contains).map(\.rawValue).joined(separator: ", ")
    }

    /// HEAD goes to GET's endpoint. Of several, the one whose names are in the query answers, else the one that wants no names.
    func endpoint(of request: Request) -> Endpoint? {
        let method = request.method == .head ? .get : request.method
        let candidates = endpoints.filter { $0.route.method == method }
        guard candidates.count > 1 else { return candidates.first }
        let query = QueryParameters(request)
        return candidates.first { $0.route.queryNames.contains(where: query.has) } ?? candidates.first { $0.route.queryNames.isEmpty }
    }
}

/// The paths that start with the same segments.
private final class Node: Sendable {
    let literals: [WireText: Node]
    let parameter: (name: Substring, node: Node)?
    let rest: (name: Substring, path: Path)?
    let path: Path?

    /// - Parameter entries: the templates below this node, each without the segments that led here.
    init(_ entries: [(segments: ArraySlice<Substring>, path: Path)]) {
        var below: [WireText: [(segments: ArraySlice<Substring>, path: Path)]] = [:]
        var named: [(segments: ArraySlice<Substring>, path: Path)] = []
        var name: Substring?
        var rest: (name: Substring, path: Path)?
        var path: Path?
        for entry in entries {
            guard let segment = entry.segments.first else {
                path = entry.path
                continue
            }
            if segment.hasPrefix("{"), segment.hasSuffix("...}") {
                rest = (segment.dropFirst().dropLast(4), entry.path)
            } else if segment.hasPrefix("{") {
                name = segment.dropFirst().dropLast()
                named.append((entry.segments.dropFirst(), entry.path))
            } else {
                below[WireText(segment), default: []].append((entry.segments.dropFirst(), entry.path))
            }
        }
        literals = below.mapValues { Node($0) }
        parameter = name.map { ($0, Node(named)) }
        self.rest = rest
        self.path = path
    }
}
