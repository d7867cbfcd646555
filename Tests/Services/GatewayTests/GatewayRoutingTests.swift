import EventSourcing
import HTTPContract
import HTTPTypes
import Hummingbird
import JSON
import Testing

@Suite(.timeLimit(.minutes(5))) struct `The gateway's table` {
    private static let id = "0198a3c4-0000-7000-8000-00000000abcd"

    @Test(arguments: [
        ("POST", "/api/v1/auth/register", "auth"), ("POST", "/api/v1/auth/login", "auth"), ("POST", "/api/v1/auth/refresh", "auth"),
        ("POST", "/api/v1/auth/logout", "auth"), ("POST", "/api/v1/auth/password", "auth"), ("GET", "/.well-known/jwks.json", "auth"),
        ("DELETE", "/api/v1/users/me", "auth"), ("GET", "/api/v1/users/closures/\(id)", "auth"),
        ("GET", "/api/v1/users/me", "queries"), ("GET", "/api/v1/users/\(id)", "queries"), ("GET", "/api/v1/users?limit=5", "queries"),
        ("GET", "/api/v1/users/\(id)/posts", "queries"), ("PATCH", "/api/v1/users/me", "commands"), ("PUT", "/api/v1/users/\(id)/role", "commands"),
        ("POST", "/api/v1/users/\(id)/deactivate", "commands"), ("POST", "/api/v1/users/\(id)/reactivate", "commands"),
        ("POST", "/api/v1/posts", "commands"), ("PATCH", "/api/v1/posts/\(id)", "commands"), ("DELETE", "/api/v1/posts/\(id)", "commands"),
        ("POST", "/api/v1/posts/\(id)/publish", "commands"), ("POST", "/api/v1/posts/\(id)/unpublish", "commands"),
        ("GET", "/api/v1/posts/\(id)/history", "commands"), ("GET", "/api/v1/posts/\(id)?version=3", "commands"),
        ("GET", "/api/v1/posts/\(id)?x=1&asOf=2026-01-01T00:00:00Z", "commands"), ("GET", "/api/v1/posts/\(id)?%76ersion=3", "commands"),
        ("GET", "/api/v1/posts", "queries"), ("GET", "/api/v1/posts?page=2", "queries"), ("GET", "/api/v1/posts/\(id)", "queries"),
        ("GET", "/api/v1/posts/\(id)?preview=version", "queries"), ("HEAD", "/api/v1/posts/\(id)", "queries"), ("HEAD", "/api/v1/posts", "queries"),
        ("GET", "/api/v1/posts/by-slug/hello", "queries"), ("POST", "/api/v1/posts/\(id)/views", "queries"),
        ("GET", "/api/v1/posts/\(id)/views?by=day", "queries"),
        ("GET", "/api/v1/posts/stream", "queries"), ("GET", "/api/v1/events/stream", "commands"), ("GET", "/api/v1/audit/events", "commands"),
        ("GET", "/api/v1/audit/events/7/proof", "commands"), ("GET", "/api/v1/audit/checkpoint", "commands"),
        ("GET", "/api/v1/audit/tile/0/x001/234", "commands"),
    ])
    func `sends each route to the service that answers it`(row: (String, String, String)) async throws {
        let gateway = SpiedGateway()
        let answer = try await gateway.answer(try #require(HTTPRequest.Method(row.0)), row.1)
        #expect(answer.status == 200)
        let asked = [gateway.auth, gateway.commands, gateway.queries].filter { !$0.requests.isEmpty }.map(\.name)
        #expect(asked == [row.2])
    }

    @Test(arguments: [
        "/docs/", "/assets", "/api/v1", "/api/v1/nothing", "/internal", "/internal/views", "/api/v1/internal/views", "/%69nternal/views",
        "/api/v1/auth/../../../internal/views",
        "/api/v1/posts/%2e%2e/%2e%2e/internal", "//internal/views", "/api/v1/audit/tile/../../internal", "/metrics", "/api/v2/posts",
        "/api/v1/posts/",
    ])
    func `has nothing internal and nothing unknown in it`(path: String) async throws {
        let gateway = SpiedGateway()
        for method in [HTTPRequest.Method.get, .post, .delete] {
            let answer = try await gateway.answer(method, path)
            #expect(answer.status == 404 && answer.code == "NOT_FOUND")
        }
        #expect(gateway.forwarded == 0)
    }

    @Test(arguments: [
        ("/api/v1/users/me", "POST", "GET, HEAD, PATCH, DELETE, OPTIONS"), ("/api/v1/posts", "PUT", "GET, HEAD, POST, OPTIONS"),
        ("/api/v1/posts/\(id)", "POST", "GET, HEAD, PATCH, DELETE, OPTIONS"), ("/api/v1/posts/\(id)/views", "DELETE", "GET, HEAD, POST, OPTIONS"),
        ("/api/v1/auth/login", "GET", "POST, OPTIONS"), ("/health", "POST", "GET, HEAD, OPTIONS"), ("/ready", "DELETE", "GET, HEAD, OPTIONS"),
        ("/api/v1/posts", "TRACE", "GET, HEAD, POST, OPTIONS"), ("/api/v1/posts", "BREW", "GET, HEAD, POST, OPTIONS"),
    ])
    func `answers 405 with the methods of all services`(row: (String, String, String)) async throws {
        let gateway = SpiedGateway()
        let answer = try await gateway.answer(try #require(HTTPRequest.Method(row.1)), row.0)
        #expect(answer.code == "METHOD_NOT_ALLOWED" && answer.headers[.allow] == row.2)
        #expect(gateway.forwarded == 0)
    }

    @Test func `answers OPTIONS by itself`() async throws {
        let answer = try await SpiedGateway().answer(.options, "/api/v1/posts")
        #expect(answer.status == 204 && answer.headers[.allow] == "GET, HEAD, POST, OPTIONS")
    }

    @Test func `answers 400 for a broken encoding`() async throws {
        #expect(try await SpiedGateway().answer(.get, "/api/v1/posts/%zz").code == "MALFORMED_REQUEST")
    }
}
