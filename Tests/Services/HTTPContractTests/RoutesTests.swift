import EventSourcing
import HTTPContract
import HTTPTypes
import Hummingbird
import JSON
import PublishingAPI
import Testing

@Suite(.timeLimit(.minutes(5))) struct `A table of routes` {
    private static let responder: ServiceResponder = {
        var routes = Routes()
        for endpoint in Endpoint.allCases where endpoint.route.access == .anyone {
            routes.on(endpoint) { _, context in
                Answer.data { writer in
                    writer.object {
                        $0.name("route")
                        $0.string(endpoint.rawValue)
                        for parameter in context.parameters {
                            $0.name(String(parameter.key))
                            $0.string(String(parameter.value))
                        }
                    }
                }
            }
        }
        return routes.responder(for: .queries, authentication: Authentication(verifier: nil), logger: .silent)
    }()

    private func found(_ method: HTTPRequest.Method, _ path: String) async throws -> Answered {
        try await Self.responder.answer(request(method, "/api/v1" + path))
    }

    @Test(arguments: [
        ("/posts", "listPosts"), ("/posts?x=%zz", "listPosts"), ("/posts/by-slug/a-b", "postBySlug"), ("/posts/17", "post"),
        ("/p%6Fsts", "listPosts"), ("/audit/tile/8/x001/234", "auditTile"),
    ])
    func `finds the route of a path, literals before parameters`(row: (String, String)) async throws {
        #expect(try await found(.get, row.0).json?["data"]?["route"] == .string(row.1))
    }

    @Test func `hands parameters over decoded`() async throws {
        #expect(try await found(.get, "/posts/by-slug/caf%C3%A9%2Fau+lait").json?["data"]?["slug"] == .string("café/au+lait"))
        #expect(try await found(.get, "/audit/tile/8/x001/234").json?["data"]?["path"] == .string("8/x001/234"))
    }

    @Test(arguments: [
        "/", "/nothing", "/posts/", "//posts", "/posts//17", "/events/stream", "/Posts", "/posts/17/more", "/posts/..",
        "/posts/%2E%2E", "/posts/.",
        "/audit/tile/../posts", "/audit/tile//8",
        "/audit/tile/", "/users/1/more", "/audit/tile",
    ])
    func `answers 404 for any other path`(path: String) async throws {
        let answer = try await found(.get, path)
        #expect(answer.status == 404 && answer.code == "NOT_FOUND")
    }

    @Test(arguments: ["/posts/%", "/posts/%4", "/posts/%zz", "/posts/%ff", "/audit/tile/8/%C3"])
    func `answers 400 for a broken encoding`(path: String) async throws {
        #expect(try await found(.get, path).code == "MALFORMED_REQUEST")
    }

    @Test(arguments: [
        ("/posts", "GET, HEAD, OPTIONS"), ("/posts/17", "GET, HEAD, OPTIONS"), ("/posts/17/views", "POST, OPTIONS"),
    ])
    func `answers 405 for another method, naming the right ones`(row: (String, String)) async throws {
        let answer = try await found(.patch, row.0)
        #expect(answer.code == "METHOD_NOT_ALLOWED")
        #expect(answer.headers[.allow] == row.1)
    }

    @Test func `answers OPTIONS with the methods`() async throws {
        let answer = try await found(.options, "/posts")
        #expect(answer.status == 204 && answer.headers[.allow] == "GET, HEAD, OPTIONS")
    }

    @Test func `answers HEAD like GET, without the body`() async throws {
        let get = try await found(.get, "/posts/17")
        let head = try await found(.head, "/posts/17")
        #expect(head.status == 200 && head.bytes.isEmpty)
        #expect(head.headers[.contentLength] == String(get.bytes.count))
        #expect(try await found(.head, "/posts/17/views").status == 405)
        #expect(try await found(.head, "/nothing").bytes.isEmpty)
    }

    @Test func `finds a post in the past by what the query names, however it is written`() throws {
        let router = EndpointRouter(Endpoint.allCases)
        func endpoint(_ query: String) throws -> Endpoint? {
            guard case .endpoint(let match) = try router.match(request(.get, "/api/v1/posts/17" + query)) else { return nil }
            return match.endpoint
        }
        for query in ["", "?", "?preview=version", "?x=1&y", "?Version=3", "?vers\u{131}on=3"] { #expect(try endpoint(query) == .post, "\(query)") }
        for query in ["?version=3", "?x=1&asOf=2026-01-01T00:00:00Z", "?%76ersion=3", "?version"] {
            #expect(try endpoint(query) == .postInThePast, "\(query)")
        }
    }

    @Test func `compares bytes: a segment that only looks like another is another`() async throws {
        #expect(try await found(.get, "/posts/by-slug/e%CC%81").json?["data"]?["slug"]?.text?.utf8.count == 3)
        for path in ["/po%CC%81sts", "/pósts", "/po\u{301}sts"] { #expect(try await found(.get, path).status == 404) }
    }
}

@Suite(.timeLimit(.minutes(5))) struct `An id in a path` {
    private func read(_ text: String) async throws -> Answered {
        try await responder(.post) { _, context in
            let id = try context.id()
            return Answer.data { $0.string(id.lowercased) }
        }.answer(request(.get, "/api/v1/posts/\(text)"))
    }

    @Test func `is a UUID in lower case`() async throws {
        #expect(try await read("0198a3c4-0000-7000-8000-00000000abcd").json?["data"] == .string("0198a3c4-0000-7000-8000-00000000abcd"))
    }

    @Test(arguments: ["17", "0198A3C4-0000-7000-8000-00000000ABCD", "0198a3c4-0000-7000-8000-00000000abc", "0198a3c4-0000-7000-8000-00000000abcg"])
    func `is 400 in any other form`(text: String) async throws {
        #expect(try await read(text).code == "MALFORMED_REQUEST")
    }
}
