import EventSourcing
import HTTPContract
import HTTPTypes
import Hummingbird
import JSON
import Testing

@Suite struct `A table of routes` {
    private static let responder: ServiceResponder = {
        var routes = Routes()
        func echo(_ name: String) -> Routes.Handler {
            { _, context in
                Answer.data { writer in
                    writer.object {
                        $0.name("route")
                        $0.string(name)
                        for parameter in context.parameters {
                            $0.name(String(parameter.key))
                            $0.string(String(parameter.value))
                        }
                    }
                }
            }
        }
        routes.on(.get, "/posts", echo("list"))
        routes.on(.post, "/posts", echo("draft"))
        routes.on(.get, "/posts/{id}", echo("post"))
        routes.on(.delete, "/posts/{id}", echo("delete"))
        routes.on(.get, "/posts/stream", echo("stream"))
        routes.on(.get, "/posts/by-slug/{slug}", echo("slug"))
        routes.on(.put, "/users/{id}/role", echo("role"))
        routes.on(.get, "/tile/{path...}", echo("tile"))
        return routes.responder(service: "posts", verifier: nil, serviceKey: nil, logger: .silent)
    }()

    private func found(_ method: HTTPRequest.Method, _ path: String) async throws -> Answered {
        try await Self.responder.answer(request(method, path))
    }

    @Test(arguments: [
        ("/posts", "list"), ("/posts?x=%zz", "list"), ("/posts/stream", "stream"), ("/posts/by-slug/a-b", "slug"), ("/posts/17", "post"),
        ("/p%6Fsts", "list"), ("/tile/8/x001/234", "tile"),
    ])
    func `finds the route of a path, literals before parameters`(row: (String, String)) async throws {
        #expect(try await found(.get, row.0).json?["data"]?["route"] == .string(row.1))
    }

    @Test func `hands parameters over decoded`() async throws {
        #expect(try await found(.get, "/posts/by-slug/caf%C3%A9%2Fau+lait").json?["data"]?["slug"] == .string("café/au+lait"))
        #expect(try await found(.get, "/tile/8/x001/234").json?["data"]?["path"] == .string("8/x001/234"))
    }

    @Test(arguments: [
        "/", "/nothing", "/posts/", "//posts", "/posts//stream", "/Posts", "/posts/17/more", "/posts/..", "/posts/%2E%2E", "/posts/.",
        "/tile/../posts", "/tile//8",
        "/tile/", "/users/1", "/posts/by-slug",
    ])
    func `answers 404 for any other path`(path: String) async throws {
        let answer = try await found(.get, path)
        #expect(answer.status == 404 && answer.code == "NOT_FOUND")
    }

    @Test(arguments: ["/posts/%", "/posts/%4", "/posts/%zz", "/posts/%ff", "/tile/8/%C3"])
    func `answers 400 for a broken encoding`(path: String) async throws {
        #expect(try await found(.get, path).code == "MALFORMED_REQUEST")
    }

    @Test(arguments: [
        ("/posts", "GET, HEAD, POST, OPTIONS"), ("/posts/17", "GET, HEAD, DELETE, OPTIONS"), ("/users/17/role", "PUT, OPTIONS"),
    ])
    func `answers 405 for another method, naming the right ones`(row: (String, String)) async throws {
        let answer = try await found(.patch, row.0)
        #expect(answer.code == "METHOD_NOT_ALLOWED")
        #expect(answer.headers[.allow] == row.1)
    }

    @Test func `answers OPTIONS with the methods`() async throws {
        let answer = try await found(.options, "/posts")
        #expect(answer.status == 204 && answer.headers[.allow] == "GET, HEAD, POST, OPTIONS")
    }

    @Test func `answers HEAD like GET, without the body`() async throws {
        let get = try await found(.get, "/posts/17")
        let head = try await found(.head, "/posts/17")
        #expect(head.status == 200 && head.bytes.isEmpty)
        #expect(head.headers[.contentLength] == String(get.bytes.count))
        #expect(try await found(.head, "/users/17/role").status == 405)
        #expect(try await found(.head, "/nothing").bytes.isEmpty)
    }

    @Test func `lists what it routes, for the document to be held against`() {
        var routes = Routes()
        routes.on(.get, "/a/{id}") { _, _ in Answer.noContent() }
        routes.on(.post, "/a") { _, _ in Answer.noContent() }
        #expect(routes.list.map { "\($0.method.rawValue) \($0.path)" } == ["GET /a/{id}", "POST /a"])
    }
}

@Suite struct `An id in a path` {
    private func read(_ text: String) async throws -> Answered {
        try await responder(.get, "/things/{id}") { _, context in
            let id = try context.id()
            return Answer.data { $0.string(id.lowercased) }
        }.answer(request(.get, "/things/\(text)"))
    }

    @Test func `is a UUID in lower case`() async throws {
        #expect(try await read("0198a3c4-0000-7000-8000-00000000abcd").json?["data"] == .string("0198a3c4-0000-7000-8000-00000000abcd"))
    }

    @Test(arguments: ["17", "0198A3C4-0000-7000-8000-00000000ABCD", "0198a3c4-0000-7000-8000-00000000abc", "0198a3c4-0000-7000-8000-00000000abcg"])
    func `is 400 in any other form`(text: String) async throws {
        #expect(try await read(text).code == "MALFORMED_REQUEST")
    }
}
