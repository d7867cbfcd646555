import Foundation
import JSON
import NIOHTTP1
import TestSupport
import Testing

@Suite(.serialized, .timeLimit(.minutes(longestTest))) struct `The trace of a call` {
    private static let trace = "4bf92f3577b34da6a3ce929d0e0e4736"

    @Test(arguments: [false, true]) func `is the same in spans, lines of the log and events, and linked from projections`(isApart: Bool) async throws
    {
        try await Collector.run { collector in
            try await withDataDirectory { directory in
                let log = directory + ".log"
                defer { try? FileManager.default.removeItem(atPath: log) }
                // A stop sends what was recorded, which a busy machine may take its time for.
                let settings = [
                    "ANNALS_OTLP_URL": collector.url, "ANNALS_LOG_LEVEL": "info", "ANNALS_TRACE_RATIO": "0", "ANNALS_DRAIN_TIMEOUT": "120s",
                ]
                let system = try await RunningSystem(dataDirectory: directory, environment: settings, logFile: log, isApart: isApart)
                let ann = try await Client(base: system.api).signedUp("ann")
                let headers = ["traceparent": "00-\(Self.trace)-00f067aa0ba902b7-01", "X-Request-ID": "0198a3c4-0000-7000-8000-00000000c0de"]
                let post = try await ann.call(
                    .POST, "/posts", json: #"{"title":"A planted title","content":"A planted text","publish":true}"#, headers: headers)
                try #require(post.status == 201)
                // A caller gets its own context back.
                #expect(post.headers.first(name: "traceparent") == headers["traceparent"])
                let id = try #require(post.data["id"]?.text)
                let wait = ["Wait-For-Position": post.position]
                #expect(try await ann.call(.GET, "/posts/\(id)", headers: headers.merging(wait) { $1 }).status == 200)
                #expect(try await ann.call(.GET, "/posts/by-slug/planted-not-there", headers: headers).status == 404)

                let events = try await system.annals("events", "show", "post-\(id)", "--sealed", "--json")
                #expect(events.output.contains(#""traceparent":"00-\#(Self.trace)-"#) && !events.output.contains("00f067aa0ba902b7"))
                let tree = try await system.annals("events", "trace", "0198a3c4-0000-7000-8000-00000000c0de")
                #expect(tree.code == 0 && tree.output.contains("PostDrafted"), "\(tree.output)")
                #expect(await system.terminate() == 0)

                let spans = try await spans(of: collector)
                try check(spans, isApart: isApart)
                try check(lines: try String(contentsOfFile: log, encoding: .utf8), spans: spans, secrets: [try #require(ann.token)])
            }
        }
    }

    @Test func `that nobody has named begins with the gateway's span, and all others are below it`() async throws {
        try await Collector.run { collector in
            try await withDataDirectory { directory in
                let settings = ["ANNALS_OTLP_URL": collector.url, "ANNALS_TRACE_RATIO": "1", "ANNALS_DRAIN_TIMEOUT": "120s"]
                let system = try await RunningSystem(dataDirectory: directory, environment: settings)
                _ = try await Client(base: system.api).signedUp("ann")
                #expect(await system.terminate() == 0)

                let spans = try await spans(of: collector)
                let ids = spans.compactMap { $0["span"]?.text }
                #expect(Set(ids).count == ids.count)
                let gateway = try #require(
                    spans.first { $0["name"]?.text == "POST /api/v1/auth/register" && $0["attributes"]?["annals.service"]?.text == "gateway" })
                let whole = spans.filter { $0["trace"] == gateway["trace"] }
                // The auth service has the command service register the account.
                #expect(whole.contains { $0["name"]?.text == "append" })
                #expect(whole.filter { ($0["parent"]?.text ?? "").isEmpty }.compactMap { $0["span"]?.text } == [gateway["span"]?.text])
            }
        }
    }

    private func check(_ spans: [JSONValue], isApart: Bool) throws {
        func named(_ name: String) -> [JSONValue] { spans.filter { $0["name"]?.text == name && $0["trace"]?.text == Self.trace } }
        let gateway = try #require(named("POST /api/v1/posts").first { $0["attributes"]?["annals.service"]?.text == "gateway" })
        #expect(gateway["parent"]?.text == "00f067aa0ba902b7" && gateway["kind"]?.int == 2 && gateway["flags"]?.int == 1)
        #expect(gateway["attributes"]?["http.response.status_code"]?.int == 201)
        let command = try #require(
            isApart
                ? named("POST /api/v1/posts").first { $0["attributes"]?["annals.service"]?.text == "commands" }
                : named("commands /api/v1/posts").first)
        let decide = try #require(named("decide").first)
        let append = try #require(named("append").first)
        // Down from the gateway, in one process and apart.
        var below: [String: JSONValue] = [:]
        for span in spans { below[span["span"]?.text ?? ""] = span }
        func leads(_ span: JSONValue, to ancestor: JSONValue) -> Bool {
            var next: JSONValue? = span
            while let span = next {
                if span["span"] == ancestor["span"] { return true }
                next = below[span["parent"]?.text ?? ""]
            }
            return false
        }
        #expect(leads(decide, to: command) && leads(append, to: command) && leads(command, to: gateway))
        #expect(named("query post_by_id").first?["attributes"]?["db.system.name"]?.text == "postgresql")
        // Projections are linked to the command and no part of its trace.
        let projections = spans.filter { $0["name"]?.text == "project posts" }
        #expect(projections.contains { $0["trace"]?.text != Self.trace && $0["links"]?.elements.contains { $0["span"] == command["span"] } == true })
        // With a ratio of 0, only what the caller has asked for is recorded: not the sign-up.
        #expect(!spans.contains { $0["name"]?.text?.contains("/auth/") == true })
        // The routes are templates; nothing of what was asked or sent is in them.
        #expect(!JSONValue.array(spans).serialized.contains("planted") && !JSONValue.array(spans).serialized.contains("not-there"))
    }

    private func check(lines: String, spans: [JSONValue], secrets: [String]) throws {
        let all = try lines.split(separator: "\n").map { try JSONValue.parse(Array($0.utf8)) }
        let own = all.filter { $0["trace_id"]?.text == Self.trace && $0["message"]?.text == "request" }
        let call = try #require(own.first { $0["method"]?.text == "POST" && $0["service"]?.text == "gateway" })
        #expect(call["route"]?.text == "/api/v1/posts" && call["status"]?.int == 201 && call["duration"] != nil && call["level"]?.text == "info")
        #expect(call["requestId"]?.text == "0198a3c4-0000-7000-8000-00000000c0de" && call["actor"]?.text?.count == 36)
        #expect(spans.contains { $0["span"] == call["span_id"] })
        for text in ["planted", "not-there", "ann@example.org", "a password of", "Bearer"] + secrets { #expect(!lines.contains(text), "\(text)") }
        let routes = Set(own.compactMap { $0["route"]?.text })
        #expect(routes == ["/api/v1/posts", "/api/v1/posts/{id}", "/api/v1/posts/by-slug/{slug}"])
    }

    private func spans(of collector: Collector) async throws -> [JSONValue] {
        let files = try collector.calls.map { call in
            #expect(call.head.uri == "/v1/traces" && call.head.headers.first(name: "content-type") == "application/x-protobuf")
            let path = NSTemporaryDirectory() + "spans-\(UUID().uuidString)"
            try Data(call.body).write(to: URL(fileURLWithPath: path))
            return path
        }
        defer { for file in files { try? FileManager.default.removeItem(atPath: file) } }
        return try JSONValue.parse(Array(try await OtherPrograms.run("traces.py", files).utf8)).elements
    }
}

extension JSONValue {
    fileprivate var elements: [JSONValue] { if case .array(let elements) = self { elements } else { [] } }
}
