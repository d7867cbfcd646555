import JSON
import Yams

/// A document in YAML as the same document in JSON, with its members in their order.
func jsonDocument(yaml: [UInt8]) throws -> [UInt8] {
    var writer = JSONWriter(capacity: yaml.count * 2)
    if let root = try compose(yaml: String(decoding: yaml, as: UTF8.self)) { writer.value(root) } else { writer.null() }
    return writer.bytes
}

extension JSONWriter {
    /// A plain scalar is what YAML's JSON schema takes it for (YAML 1.2.2 §10.2), and a text where that takes it for nothing: `3.1.0`, or a time.
    fileprivate mutating func value(_ node: Node) {
        switch node {
        case .mapping(let members):
            object { object in
                for (key, value) in members {
                    object.name(key.string ?? "")
                    object.value(value)
                }
            }
        case .sequence(let items): array { array in for item in items { array.value(item) } }
        case .scalar(let scalar) where scalar.style == .plain:
            switch scalar.string {
            case "", "~", "null": null()
            case "true", "false": raw(scalar.string)
            case let text where text.wholeMatch(of: #/-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?/#) != nil: raw(text)
            case let text: string(text)
            }
        case .scalar(let scalar): string(scalar.string)
        // The node that an alias stands for takes its place while the document is composed.
        case .alias: null()
        }
    }
}
