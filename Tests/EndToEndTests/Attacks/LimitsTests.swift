import EventSourcing
import Foundation
import NIOHTTP1
import Testing

@Suite(.timeLimit(.minutes(longestTest))) struct `The server's limits` {
    @Test func `hold callers, logins and registrations to what is set`() async throws {
        let settings = [
            "ANNALS_RATE_LIMIT": "8/1h", "ANNALS_LOGIN_RATE_LIMIT": "3/1h", "ANNALS_REGISTRATION_RATE_LIMIT": "2/1h",
            "ANNALS_TRUSTED_PROXIES": "127.0.0.0/8",
        ]
        try await withSystem(environment: settings, isLimited: true) { _, anyone in
            func calling(_ method: HTTPMethod, _ path: String, json: String? = nil, from address: String, as client: Client) async throws -> [Int] {
                var statuses: [Int] = []
                for _ in 1...10 {
                    let answer = try await client.call(method, path, json: json, headers: ["X-Forwarded-For": address])
                    #expect(answer.headers.first(name: "RateLimit") != nil && answer.headers.first(name: "RateLimit-Policy") != nil)
                    if answer.status == 429 {
                        #expect(answer.code == "RATE_LIMITED" && answer.headers.first(name: "RateLimit")?.contains("r=0") == true)
                        #expect((answer.headers.first(name: "Retry-After").flatMap { Int($0) } ?? 0) > 0)
                    }
                    statuses.append(answer.status)
                }
                return statuses
            }
            let ann = try await anyone.signedUp("ann")
            #expect(ann.token != nil)
            // Registrations that probe for taken emails are limited to two an hour from one network.
            let register = #"{"username":"ann","email":"ann@example.org","password":"a long password"}"#
            let registering = try await calling(.POST, "/auth/register", json: register, from: "198.51.100.1", as: anyone)
            #expect(registering == [409, 409] + Array(repeating: 429, count: 8))
            let login = #"{"email":"ann@example.org","password":"not the password"}"#
            let guessing = try await calling(.POST, "/auth/login", json: login, from: "198.51.100.2", as: anyone)
            #expect(guessing.prefix(3).allSatisfy { $0 == 401 || $0 == 429 } && guessing.dropFirst(3).allSatisfy { $0 == 429 })
            let reading = try await calling(.GET, "/posts", from: "198.51.100.3", as: anyone)
            #expect(reading == Array(repeating: 200, count: 8) + [429, 429])
            // Signed in, the address does not matter any more.
            let signedIn = try await calling(.GET, "/users/me", from: "198.51.100.3", as: ann)
            #expect(signedIn.prefix(8).allSatisfy { $0 == 200 || $0 == 404 } && signedIn.suffix(2) == [429, 429])
            #expect(try await ann.call(.GET, "/users/me", headers: ["X-Forwarded-For": "198.51.100.4"]).status == 429)
            #expect(try await anyone.call(.GET, anyone.base.replacingOccurrences(of: "/api/v1", with: "/health")).status == 200)
        }
    }

    @Test func `can't be walked around with an address that nobody vouches for`() async throws {
        try await withSystem(environment: ["ANNALS_RATE_LIMIT": "3/1h"], isLimited: true) { _, anyone in
            var statuses: [Int] = []
            for number in 1...5 {
                statuses.append(try await anyone.call(.GET, "/posts", headers: ["X-Forwarded-For": "198.51.100.\(number)"]).status)
            }
            #expect(statuses == [200, 200, 200, 429, 429])
        }
    }

    @Test func `let other origins' pages in as configured, and no others`() async throws {
        let settings = ["ANNALS_CORS_ORIGINS": "https://app.example.org", "ANNALS_HSTS": "365d"]
        try await withSystem(environment: settings) { _, anyone in
            for (origin, isAllowed) in [
                ("https://app.example.org", true), ("https://evil.example", false), ("null", false), ("https://app.example.org.evil.example", false),
            ] {
                let preflight = try await anyone.call(.OPTIONS, "/posts", headers: ["Origin": origin, "Access-Control-Request-Method": "POST"])
                let read = try await anyone.call(.GET, "/posts", headers: ["Origin": origin])
                let failed = try await anyone.call(.GET, "/nothing", headers: ["Origin": origin])
                for answer in [preflight, read, failed] {
                    #expect(answer.headers.first(name: "Access-Control-Allow-Origin") == (isAllowed ? origin : nil), "\(origin)")
                    #expect(answer.headers.first(name: "Access-Control-Allow-Credentials") == nil)
                    #expect(answer.headers["Vary"].contains("Origin"))
                    #expect(answer.headers.first(name: "Strict-Transport-Security") == "max-age=31536000; includeSubDomains")
                    for (name, value) in [("X-Content-Type-Options", "nosniff"), ("X-Frame-Options", "DENY"), ("Referrer-Policy", "no-referrer")] {
                        #expect(answer.headers.first(name: name) == value)
                    }
                }
            }
        }
    }

    @Test(arguments: [
        ("ANNALS_RATE_LIMIT", "100"), ("ANNALS_LOGIN_RATE_LIMIT", "0/60s"), ("ANNALS_TRUSTED_PROXIES", "example.org"),
        ("ANNALS_CORS_ORIGINS", "*,https://a.b"),
        ("ANNALS_CORS_CREDENTIALS", "yes"), ("ANNALS_HSTS", "1"), ("ANNALS_DEADLINE", "0s"), ("ANNALS_MAX_BODY", "1000000000"),
        ("ANNALS_HEADER_TIMEOUT", "soon"),
        ("ANNALS_BODY_RATE", "0"), ("ANNALS_MAX_CONNECTIONS", "0"),
    ])
    func `are refused by name when they can't be understood`(row: (String, String)) async throws {
        let run = try await Launch.run(["config"], environment: [row.0: row.1])
        #expect(run.code == 2 && run.output.contains(row.0), "\(run.output)")
    }
}
