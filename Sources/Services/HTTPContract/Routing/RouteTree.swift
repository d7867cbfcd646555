/// Path templates as a tree of segments: finding a path's entry costs one step a segment, however many templates there are.
///
/// `{name}` takes one segment, `{name...}` as last takes all that are left. A literal wins over a parameter, for good: there is no going back. Matching is strict: no empty segments, so `/a/` and
/// `//a` are not `/a`; no `.` or `..`, so no path can name another one. Segments are percent-decoded before they are compared.
package struct RouteTree<Value: Sendable>: Sendable {
    private final class Node: Sendable {
        let literals: [String: Node]
        let parameter: (name: Substring, node: Node)?
        let rest: (name: Substring, value: Value)?
        let value: Value?

        /// - Parameter entries: the templates below this node, each without the segments that led here.
        init(_ entries: [(segments: ArraySlice<Substring>, value: Value)]) {
            var below: [String: [(segments: ArraySlice<Substring>, value: Value)]] = [:]
            var named: [(segments: ArraySlice<Substring>, value: Value)] = []
            var name: Substring?
            var rest: (name: Substring, value: Value)?
            var value: Value?
            for entry in entries {
                guard let segment = entry.segments.first else {
                    value = entry.value
                    continue
                }
                if segment.hasPrefix("{"), segment.hasSuffix("...}") {
                    rest = (segment.dropFirst().dropLast(4), entry.value)
                } else if segment.hasPrefix("{") {
                    name = segment.dropFirst().dropLast()
                    named.append((entry.segments.dropFirst(), entry.value))
                } else {
                    below[String(segment), default: []].append((entry.segments.dropFirst(), entry.value))
                }
            }
            literals = below.mapValues { Node($0) }
            parameter = name.map { ($0, Node(named)) }
            self.rest = rest
            self.value = value
        }
    }

    /// What a path led to.
    package enum Match {
        case found(Value, parameters: [(name: Substring, value: Substring)])
        case unknown
        /// A broken percent-encoding.
        case malformed

        /// The entry, if there is one.
        package var found: Value? {
            switch self {
            case .found(let value, _): value
            case .unknown, .malformed: nil
            }
        }
    }

    private let root: Node

    /// Templates that stand at the same place must name their parameter alike.
    package init(_ entries: [(path: String, value: Value)]) {
        root = Node(entries.map { ($0.path.split(separator: "/", omittingEmptySubsequences: true)[...], $0.value) })
    }

    /// Finds the entry of a path as it stands in the request line, without the query.
    package func match(_ path: String) -> Match {
        guard path.utf8.first == UInt8(ascii: "/") else { return .unknown }
        var node = root
        var parameters: [(name: Substring, value: Substring)] = []
        var rest: Substring? = path.dropFirst()
        while let remaining = rest {
            let end = remaining.utf8.firstIndex(of: UInt8(ascii: "/"))
            let raw = end.map { remaining[..<$0] } ?? remaining
            guard !raw.isEmpty else { return .unknown }
            guard let segment = Self.decode(raw) else { return .malformed }
            guard segment != ".", segment != ".." else { return .unknown }
            if let next = node.literals[String(segment)] {
                node = next
            } else if let parameter = node.parameter {
                parameters.append((parameter.name, segment))
                node = parameter.node
            } else if let catchAll = node.rest {
                return Self.catchAll(catchAll, remaining, parameters)
            } else {
                return .unknown
            }
            rest = end.map { remaining[remaining.utf8.index(after: $0)...] }
        }
        guard let value = node.value else { return .unknown }
        return .found(value, parameters: parameters)
    }

    private static func catchAll(
        _ rest: (name: Substring, value: Value), _ remaining: Substring, _ parameters: [(name: Substring, value: Substring)]
    ) -> Match {
        for segment in remaining.split(separator: "/", omittingEmptySubsequences: false) {
            guard let decoded = decode(segment) else { return .malformed }
            guard !decoded.isEmpty, decoded != ".", decoded != ".." else { return .unknown }
        }
        guard let value = decode(remaining) else { return .malformed }
        return .found(rest.value, parameters: parameters + [(rest.name, value)])
    }

    private static func decode(_ segment: Substring) -> Substring? {
        segment.utf8.contains(UInt8(ascii: "%")) ? segment.percentDecoded().map { $0[...] } : segment
    }
}
