import Foundation
import HTTPTypes
import Hummingbird

/// Posts over HTTP with Hummingbird and libpq: one statement a request.
@main struct PostServer {
    let database: Database
    let author: String

    static func main() async throws {
        let environment = ProcessInfo.processInfo.environment
        guard let url = environment["DATABASE_URL"], let port = environment["PORT"].flatMap({ Int($0) }), let author = environment["AUTHOR"] else {
            fatalError("DATABASE_URL, PORT and AUTHOR must be set")
        }
        let server = PostServer(database: try Database(url: url, connections: 32, statements: Statements.all), author: author)
        let router = Router()
        router.get("/health") { _, _ in ["status": "ok"] }
        router.get("/api/v1/posts", use: server.list)
        router.post("/api/v1/posts", use: server.create)
        router.get("/api/v1/posts/:id", use: server.showByID)
        router.get("/api/v1/posts/by-slug/:slug", use: server.showBySlug)
        try await Application(router: router, configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: port))).runService()
    }

    func list(_ request: Request, _ context: BasicRequestContext) async throws -> Page {
        let byViews = request.uri.queryParameters.get("sort") == "views"
        let rows = try await database.query(byViews ? "most viewed posts" : "newest posts")
        let posts = (0..<rows.count).map { row in
            var post = Post(rows, row)
            post.excerpt = rows.text(row, 12)
            return post
        }
        let total = posts.isEmpty ? 0 : rows.integer(0, 13)
        return Page(data: posts, pagination: Page.Pagination(limit: 20, total: total, page: 1, pages: (total + 19) / 20))
    }

    func showByID(_ request: Request, _ context: BasicRequestContext) async throws -> Response {
        try await show("by id", key: context.parameters.require("id"), request, context)
    }

    func showBySlug(_ request: Request, _ context: BasicRequestContext) async throws -> Response {
        try await show("by slug", key: context.parameters.require("slug"), request, context)
    }

    private func show(_ way: String, key: String, _ request: Request, _ context: BasicRequestContext) async throws -> Response {
        let isCounted = HTTPField.Name("DNT").flatMap { request.headers[$0] } != "1"
        let rows = try await database.query("\(isCounted ? "view" : "post") \(way)", [key])
        guard rows.count == 1 else { throw HTTPError(.notFound) }
        var post = Post(rows, 0)
        post.content = rows.text(0, 12)
        let tag = "W/\"\(post.version)\""
        if request.headers[.ifNoneMatch] == tag { return Response(status: .notModified, headers: [.eTag: tag]) }
        var response = try Answer(data: post).response(from: request, context: context)
        response.headers[.eTag] = tag
        return response
    }

    func create(_ request: Request, _ context: BasicRequestContext) async throws -> Response {
        let post = try await request.decode(as: NewPost.self, context: context)
        guard 1...255 ~= post.title.unicodeScalars.count, !post.content.isEmpty else { throw HTTPError(.unprocessableContent) }
        let slug = post.title.lowercased().split { !($0.isASCII && ($0.isLetter || $0.isNumber)) }.joined(separator: "-")
        let rows = try await database.query("insert post", [author, post.title, slug, post.content])
        let created = Created(id: rows.text(0, 0), slug: slug, version: 1)
        var response = try Answer(data: created).response(from: request, context: context)
        response.status = .created
        response.headers[.location] = "/api/v1/posts/\(created.id ?? "")"
        response.headers[.eTag] = "\"1\""
        return response
    }
}
