import Foundation
import JSON
import NIOHTTP1
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(longestTest))) struct `The metrics of a running system` {
    @Test(arguments: [false, true]) func `are what Prometheus reads, with bounded labels and nothing of what was asked`(isApart: Bool) async throws {
        // One for each of the services apart.
        let port = try ChildServer.freePort(inARow: 6)
        try await withSystem(environment: ["ANNALS_METRICS_PORT": "\(port)"], isApart: isApart) { system, anyone in
            let ann = try await anyone.signedUp("metrics_reader")
            let post = try await ann.call(.POST, "/posts", json: #"{"title":"A secret title","content":"…","publish":true}"#)
            let id = try #require(post.data["id"]?.text)
            let wait = ["Wait-For-Position": post.position]
            for _ in 0..<20 { #expect(try await anyone.call(.GET, "/posts/\(id)", headers: wait).status == 200) }
            for number in 0..<100 {
                _ = try await anyone.call(HTTPMethod(rawValue: "M\(number)"), "/nowhere/\(number)")
                _ = try await anyone.call(.GET, "/nowhere/\(number)")
            }

            let text = try await read(port)
            let openMetrics = try await read(port, accept: "application/openmetrics-text; version=1.0.0")
            #expect(openMetrics.hasSuffix("# EOF\n"))
            let files = [try temporaryFile(text), try temporaryFile(openMetrics)]
            defer { for file in files { try? FileManager.default.removeItem(atPath: file) } }
            try await OtherPrograms.run("metrics.py", files + [repositoryRoot + "/docs/metrics.md"])
            #expect(text.contains(#"http_request_method="GET",http_response_status_code="200",http_route="/api/v1/posts/{id}""#))
            #expect(text.contains(#"http_request_method="GET",http_response_status_code="404",http_route="""#))
            for secret in [id, "nowhere", "metrics_reader", "secret"] { #expect(!text.contains(secret), "\(secret)") }
            let requests = text.split(separator: "\n").filter { $0.hasPrefix("http_server_request_duration_seconds_count") }
            #expect(requests.count < 30)

            // The query service has a port of its own when it runs by itself, and the statements are there.
            let queries = try await read(isApart ? port + 3 : port)
            #expect(queries.contains(#"db_client_operation_duration_seconds_count{db_operation_name="post_by_id""#))
            #expect(queries.contains(#"db_client_connections{db_client_connection_pool_name="annals_queries@annals_read""#))
            #expect(!isApart || !text.contains("db_client_operation"))
        }
    }

    private func read(_ port: Int, accept: String = "text/plain") async throws -> String {
        let answer = try await Client(base: "").call(.GET, "http://127.0.0.1:\(port)/metrics", headers: ["Accept": accept])
        try #require(answer.status == 200)
        return String(decoding: answer.body, as: UTF8.self)
    }

    private func temporaryFile(_ text: String) throws -> String {
        let path = NSTemporaryDirectory() + "metrics-\(UUID().uuidString)"
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        return path
    }
}
