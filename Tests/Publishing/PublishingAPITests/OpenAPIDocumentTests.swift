import FoundationEssentials
import HTTPTypes
import PublishingAPI
import Testing
import Yams

@Suite struct `The OpenAPI document` {
    private let document: OpenAPIDocument

    init() throws { document = try OpenAPIDocument() }

    @Test func `describes the endpoints that clients reach, and no others`() {
        let described = Set(document.operations.map(\.place))
        let answered = Set(Endpoint.allCases.filter(\.route.isPublic).map(\.place))
        #expect(described.subtracting(answered).isEmpty, "described, but answered by no endpoint")
        #expect(answered.subtracting(described).isEmpty, "answered, but not described")
    }

    @Test func `names each operation after its endpoint`() {
        for operation in document.operations {
            let names = Endpoint.allCases.filter { $0.route.isPublic && $0.place == operation.place }.map(\.rawValue)
            #expect(names.contains(operation.id), "\(operation.place) is called \(operation.id)")
        }
    }

    @Test func `asks for a token where the endpoint does`() throws {
        for operation in document.operations {
            let endpoint = try #require(Endpoint(rawValue: operation.id))
            let expected: OpenAPIDocument.Security =
                switch endpoint.route.access {
                case .anyone: endpoint.route.ignoresCredentials ? .none : .optional
                case .signedIn, .admin: .required
                case .services: .none
                }
            #expect(operation.security == expected, "\(operation.id)")
        }
    }

    @Test func `takes an idempotency key where the endpoint does`() throws {
        for operation in document.operations {
            let endpoint = try #require(Endpoint(rawValue: operation.id))
            #expect(operation.parameters.contains("Idempotency-Key") == endpoint.route.takesIdempotencyKey, "\(operation.id)")
        }
    }

    @Test func `names every parameter of a path`() {
        for operation in document.operations {
            let names = operation.place.path.split(separator: "/").filter { $0.hasPrefix("{") }.map { String($0.dropFirst().dropLast()) }
            #expect(Set(names).isSubset(of: operation.parameters), "\(operation.id)")
        }
    }

    @Test func `gives each body an example`() {
        let incomplete = document.bodiesWithoutExample
        #expect(incomplete.isEmpty, "\(incomplete)")
    }

    @Test func `gives each parameter a description`() {
        #expect(document.parametersWithoutDescription.isEmpty, "\(document.parametersWithoutDescription)")
    }
}

/// A method and a path template.
private struct Place: Hashable, CustomStringConvertible {
    let method: String
    let path: String

    var description: String { "\(method) \(path)" }
}

extension Endpoint {
    /// Its place in the document's words: OpenAPI has no parameter of several segments.
    fileprivate var place: Place {
        Place(method: route.method.rawValue, path: route.path.split(separator: "...", omittingEmptySubsequences: false).joined())
    }
}

/// The parts of `openapi/openapi.yaml` that the tests read.
private struct OpenAPIDocument {
    enum Security { case none, optional, required }

    struct Operation {
        let place: Place
        let id: String
        let security: Security
        let parameters: Set<String>
        let node: Node
    }

    private static let methods = ["get", "put", "post", "patch", "delete"]

    let root: Node
    let operations: [Operation]

    init() throws {
        let path = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(4).joined(separator: "/") + "/openapi/openapi.yaml"
        let root = try #require(try Yams.compose(yaml: String(decoding: try Data(contentsOf: URL(filePath: path)), as: UTF8.self)))
        self.root = root
        operations = try #require(root["paths"]?.mapping).flatMap { path, item in
            try Self.methods.compactMap { method in
                guard let operation = item[method] else { return nil }
                let parameters = Array(item["parameters"]?.sequence ?? []) + Array(operation["parameters"]?.sequence ?? [])
                return Operation(
                    place: Place(method: method.uppercased(), path: try #require(path.string)), id: try #require(operation["operationId"]?.string),
                    security: Self.security(operation), parameters: Set(parameters.compactMap { Self.resolve($0, in: root)["name"]?.string }),
                    node: operation)
            }
        }
    }

    var bodiesWithoutExample: [String] {
        operations.flatMap { operation in
            let answers = (operation.node["responses"]?.mapping.map(Array.init) ?? []).map { ($0.key.string ?? "?", $0.value) }
            let bodies = answers + (operation.node["requestBody"].map { [("request", $0)] } ?? [])
            return bodies.flatMap { name, body in
                (Self.resolve(body, in: root)["content"]?.mapping.map(Array.init) ?? []).compactMap { type, content in
                    content["example"] == nil && type.string != "application/octet-stream" ? "\(operation.id) \(name) \(type.string ?? "")" : nil
                }
            }
        }
    }

    var parametersWithoutDescription: [String] {
        let items = root["paths"]?.mapping.map { $0.values.flatMap { Array($0["parameters"]?.sequence ?? []) } } ?? []
        return (items + operations.flatMap { Array($0.node["parameters"]?.sequence ?? []) }).map { Self.resolve($0, in: root) }
            .filter { $0["description"] == nil }.compactMap { $0["name"]?.string }
    }

    private static func security(_ operation: Node) -> Security {
        guard let choices = operation["security"]?.sequence else { return .required }
        return choices.isEmpty ? .none : .optional
    }

    /// The node, or the one that it refers to.
    private static func resolve(_ node: Node, in root: Node) -> Node {
        guard let reference = node["$ref"]?.string else { return node }
        return reference.split(separator: "/").dropFirst().reduce(root) { $0[String($1)] ?? $0 }
    }
}
