import FoundationEssentials
import HTTPContract
import Hummingbird
import PublishingAPI

/// The start page, the API's page, and the OpenAPI document. All files are read once and answered from memory.
package struct Pages: Sendable {
    /// A file of the installation that can't be read.
    package struct Unreadable: Error, CustomStringConvertible {
        package let path: String
        package var description: String { "\(path) can't be read; it belongs to the installation" }
    }

    /// No pages. Their paths are answered with 404.
    package static let none = Pages(files: [:], assets: [:])

    private let files: [Endpoint: StaticFile]
    /// Style sheets, scripts and images by their names.
    private let assets: [String: StaticFile]

    private init(files: [Endpoint: StaticFile], assets: [String: StaticFile]) {
        self.files = files
        self.assets = assets
    }

    /// Reads the pages in `web/` and the document `openapi/openapi.yaml`. Swagger UI is in `web/swagger-ui/`, or `/docs` says how to get it.
    /// - Parameter root: the folder that has both folders.
    package init(root: String) throws {
        let swaggerUI = Self.names(in: root + "/web/swagger-ui").filter { $0.hasSuffix(".css") || $0.hasSuffix(".js") }
        let hasSwaggerUI = swaggerUI.contains("swagger-ui-bundle.js") && swaggerUI.contains("swagger-ui.css")
        let document = try Self.read(root + "/openapi/openapi.yaml")
        files = [
            .home: StaticFile(try Self.read(root + "/web/index.html"), type: .html),
            .documentation: StaticFile(try Self.read(root + (hasSwaggerUI ? "/web/docs.html" : "/web/docs-missing.html")), type: .html),
            .documentInYAML: StaticFile(document, type: .yaml),
            .documentInJSON: StaticFile(try jsonDocument(yaml: document), type: .json),
        ]
        let paths = Self.names(in: root + "/web/assets").map { ("assets", $0) } + swaggerUI.map { ("swagger-ui", $0) }
        assets = Dictionary(
            try paths.compactMap { folder, name in
                guard let type = StaticFile.MediaType(fileName: name) else { return nil }
                return (name, StaticFile(try Self.read("\(root)/web/\(folder)/\(name)"), type: type))
            }
        ) { own, _ in own }
    }

    func addRoutes(to routes: inout Routes) {
        for endpoint in [Endpoint.home, .documentation, .documentInYAML, .documentInJSON] {
            routes.on(endpoint) { [file = files[endpoint]] request, _ in try Self.response(to: request, file) }
        }
        routes.on(.asset) { [assets] request, context in try Self.response(to: request, assets[try context.parameters.text("name")]) }
    }

    private static func response(to request: Request, _ file: StaticFile?) throws(Problem) -> Response {
        guard let file else { throw .notFound() }
        return file.response(to: request)
    }

    private static func read(_ path: String) throws -> [UInt8] {
        guard let contents = FileManager.default.contents(atPath: path) else { throw Unreadable(path: path) }
        return Array(contents)
    }

    private static func names(in folder: String) -> [String] { (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] }
}
