import HTTPTypes
import PublishingAPI
import Testing

@Suite struct `The table of endpoints` {
    @Test func `has no two endpoints that a request could not tell apart`() {
        let keys = Endpoint.allCases.map { "\($0.route.method) \($0.route.path) \($0.route.queryNames)" }
        #expect(Set(keys).count == keys.count)
    }

    @Test func `keeps what is internal below a path of its own`() {
        for endpoint in Endpoint.allCases {
            #expect(endpoint.route.path.hasPrefix("/internal/") == !endpoint.route.isPublic, "\(endpoint)")
        }
    }

    @Test func `takes an idempotency key for every public command but login and refresh`() {
        for endpoint in Endpoint.allCases where endpoint.route.isPublic {
            let isCommand = endpoint.route.method != .get && endpoint != .login && endpoint != .refresh
            #expect(endpoint.route.takesIdempotencyKey == isCommand, "\(endpoint)")
        }
    }

    @Test func `asks for credentials wherever it needs some`() {
        for endpoint in Endpoint.allCases where endpoint.route.ignoresCredentials {
            #expect(endpoint.route.access == .anyone, "\(endpoint)")
        }
    }

    @Test(arguments: [
        (Endpoint.listPosts, [], "/api/v1/posts"),
        (.post, ["0198a3c4-0000-7000-8000-00000000abcd"], "/api/v1/posts/0198a3c4-0000-7000-8000-00000000abcd"),
        (.postBySlug, ["a/b é"], "/api/v1/posts/by-slug/a%2Fb%20%C3%A9"), (.requestClosure, ["7"], "/internal/users/7/closure"),
    ])
    func `fills in a path`(row: (Endpoint, [String], String)) {
        let (endpoint, values, path) = row
        #expect((values.isEmpty ? endpoint.path() : endpoint.path(values[0])) == path)
    }
}
