/// Path templates as a tree of segments: finding a path's entry costs one step a segment, however many templates there are.
///
/// `{name}` takes one segment, `{name...}` as last takes all that are left. A literal wins over a parameter, for good: there is no going back. Matching is
/// strict: no empty segments, so `/a/` and `//a` are not `/a`; no `.` or `..`, so no path can name another one. Segments are percent-decoded before they are
/// compared.
package struct RouteTree<Value: Sendable>: Sendable {
    private final class Node: Sendable {
        let literals: [WireText: Node]
        let parameter: (name: Substring, node: Node)?
        let rest: (name: Substring, value: Value)?
        let value: Value?

        /// - Parameter entries: the templates below this node, each without the segments that led here.
        init(_ entries: [(segments: ArraySlice<Substring>, value: Value)]) {
            var below: [WireText: [(segments: ArraySlice<Substring>, value: Value)]] = [:]
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
                    below[WireText(segment), default: []].append((entry.segments.dropFirst(), entry.value))
                }
            }
            literals = below.mapValues { Node($0) }
            parameter = name.map { ($0, Node(named)) }
            self.rest = rest
            self.value = value
        }
    }

    /// The result of looking for a path.
    package enum Match {
        case found(Value, parameters: [(name: Substring, value: Substring)])
        case unknown
        /// A broken percent-encoding.
        case malformed
    }

    private let root: Node

    /// Templates that stand at the same place must name their parameter alike.
    package init(_ entries: [(path: String, value: Value)]) {
        root = Node(entries.map { ($0.path.split(separator: "/", omittingEmptySubsequences: true)[...], $0.value) })
    }

    /// Finds the entry of a path as it stands in the request line, without the query.
    package func match(_ path: WireText) -> Match {
        guard path.first == UInt8(ascii: "/") else { return .unknown }
        var node = root
        var parameters: [(name: Substring, value: Substring)] = []
        var rest: WireText? = path.dropFirst()
        while let remaining = rest {
            let (raw, after) = remaining.cut(at: "/").map { ($0, Optional($1)) } ?? (remaining, nil)
            guard !raw.isEmpty else { return .unknown }
            guard let segment = raw.percentDecoded() else { return .malformed }
            guard segment != ".", segment != ".." else { return .unknown }
            if let next = node.literals[segment] {
                node = next
            } else if let parameter = node.parameter {
                parameters.append((parameter.name, segment.text))
                node = parameter.node
            } else if let catchAll = node.rest {
                return Self.catchAll(catchAll, remaining, parameters)
            } else {
                return .unknown
            }
            rest = after
        }
        guard let value = node.value else { return .unknown }
        return .found(value, parameters: parameters)
    }

    private static func catchAll(
        _ rest: (name: Substring, value: Value), _ remaining: WireText, _ parameters: [(name: Substring, value: Substring)]
    ) -> Match {
        for segment in remaining.split(at: "/") {
            guard let decoded = segment.percentDecoded() else { return .malformed }
            guard !decoded.isEmpty, decoded != ".", decoded != ".." else { return .unknown }
        }
        guard let value = remaining.percentDecoded() else { return .malformed }
        return .found(rest.value, parameters: parameters + [(rest.name, value.text)])
    }
}
