import Deadlines
import HTTPContract
import HTTPTypes
import Hummingbird
import NIOCore
import NIOHTTP1
import PublishingAPI
import Synchronization
import TestSupport
import Testing

@testable import Upstreams

@Suite(.timeLimit(.minutes(5))) struct `A call to a service of another process` {
    @Test func `arrives with its path and fields, under the ids and the time of the call that led to it`() async throws {
        let peer = try await Peer.start { _ in .ok("here") }
        try await RunningCluster.run([peer]) { running in
            let response = try await Deadline.$current.withValue(Deadline(.now + .seconds(60))) {
                try await running.send(.get, "/api/v1/posts?limit=5&page=2", [.accept: "application/json"])
            }
            let text = try await response.text()
            #expect(response.status == .ok && text == "here")
            let head = try #require(peer.calls.first).head
            #expect(head.method == .GET && head.uri == "/api/v1/posts?limit=5&page=2")
            #expect(head.headers["accept"] == ["application/json"])
            #expect(head.headers["x-request-id"].first?.isEmpty == false && head.headers["traceparent"].first?.isEmpty == false)
            let left = try #require(head.headers["x-annals-time-left"].first.flatMap { Int($0) })
            #expect(0...60_000 ~= left)
            #expect(!head.headers.contains(name: "x-annals-attempt"))
        }
    }

    @Test func `keeps the fields of a connection on that connection, both ways`() async throws {
        let peer = try await Peer.start { _ in
            .ok("here", headers: "Connection: keep-alive, X-Theirs\r\nKeep-Alive: timeout=5\r\nX-Theirs: 1\r\nETag: \"1\"\r\n")
        }
        try await RunningCluster.run([peer]) { running in
            let fields: HTTPFields = [.connection: "X-Mine", .init("X-Mine")!: "1", .te: "trailers", .accept: "*/*"]
            let response = try await running.send(.get, "/", fields)
            let head = try #require(peer.calls.first).head
            for name in ["x-mine", "te"] { #expect(!head.headers.contains(name: name)) }
            #expect(response.headers == [.eTag: "\"1\"", .contentLength: "4"])
        }
    }

    @Test func `names one host, the instance's, also when its client named one in two ways`() async throws {
        let peer = try await Peer.start { _ in .ok() }
        try await RunningCluster.run([peer]) { running in
            // HTTP/2 may have both `:authority` and `host`.
            _ = try await running.send(.get, "/", [.init("Host")!: "annals"])
            #expect(try #require(peer.calls.first).head.headers["host"] == ["\(peer.instance)"])
        }
    }

    @Test func `has no body where there is none by definition`() async throws {
        let peer = try await Peer.start { call in
            switch call.head.uri {
            case "/204": .bytes("HTTP/1.1 204 No Content\r\n\r\n")
            case "/304": .bytes("HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\n\r\n")
            default: .bytes("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
            }
        }
        try await RunningCluster.run([peer]) { running in
            for (method, path, status) in [(HTTPRequest.Method.head, "/", 200), (.get, "/204", 204), (.get, "/304", 304)] {
                let response = try await running.send(method, path)
                let text = try await response.text()
                #expect(response.status.code == status && text.isEmpty)
                if method == .head { #expect(response.headers[.contentLength] == "5") }
            }
        }
    }

    @Test(arguments: [10, 64 << 10, 1 << 20]) func `brings its body, whole or as it comes`(length: Int) async throws {
        let peer = try await Peer.start { call in .ok("\(call.body.utf8.count)") }
        try await RunningCluster.run([peer]) { running in
            let response = try await running.send(.post, "/", body: String(repeating: "x", count: length))
            #expect(try await response.text() == "\(length)")
        }
    }

    @Test func `gets its answer, whole or as it comes`() async throws {
        let long = String(repeating: "y", count: 1 << 20)
        let peer = try await Peer.start { call in
            switch call.head.uri {
            case "/long": .ok(long)
            case "/chunks": .bytes("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")
            default: .ok("short")
            }
        }
        try await RunningCluster.run([peer]) { running in
            for (path, text) in [("/", "short"), ("/long", long), ("/chunks", "onetwo")] {
                let answer = try await running.send(.get, path).text()
                #expect(answer == text)
            }
        }
    }

    @Test func `is answered before its body is read to the end`() async throws {
        let peer = try await Peer.start(onHead: { _ in .ok("no", status: "413 Content Too Large") }) { _ in .silence }
        try await RunningCluster.run([peer]) { running in
            let status = try await running.status(.post, "/", body: String(repeating: "x", count: 1 << 20))
            #expect(status == 413)
        }
    }

    @Test func `ends with its caller's patience`() async throws {
        let peer = try await Peer.start { _ in .silence }
        try await RunningCluster.run([peer]) { running in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { _ = try await running.send(.post, "/") }
                try await eventually { peer.calls.count == 1 }
                group.cancelAll()
                await #expect(throws: CancellationError.self) { try await group.next() }
            }
            // The service learns of it, too.
            try await eventually { peer.connections == 0 }
            try await eventually { running.cluster.state.instances.map(\.outstanding) == [0] }
        }
    }

    @Test func `is not begun when its time is up`() async throws {
        let peer = try await Peer.start { _ in .ok() }
        try await RunningCluster.run([peer]) { running in
            let problem = try await Deadline.$current.withValue(Deadline(.now)) { try await running.problem() }
            #expect(problem?.code == .timeout)
            #expect(peer.calls.isEmpty)
        }
    }

    @Test func `is late at the end of its time`() async throws {
        let peer = try await Peer.start { _ in .silence }
        try await RunningCluster.run([peer]) { running in
            let problem = try await Deadline.$current.withValue(Deadline(.now + .seconds(3))) { try await running.problem(.post) }
            #expect(problem?.code == .timeout)
        }
    }

    @Test(arguments: [
        Peer.Reply.last("220 mail.example ESMTP\r\n"), .last("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"), .last(""), .reset,
        .last("HTTP/1.1 200 OK\r\nX: " + String(repeating: "x", count: 200_000) + "\r\n\r\n"),
        .last("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
    ]) func `has a bad upstream when the answer is no HTTP, too large or broken off`(reply: Peer.Reply) async throws {
        let log = SpokenLog()
        let peer = try await Peer.start { _ in reply }
        try await RunningCluster.run([peer], logger: log.logger) { running in
            let problem = try #require(try await running.problem(.post))
            #expect(problem.code == .badUpstream && problem.status == .badGateway)
            // The instance's name is for the log only.
            #expect(!"\(problem)".contains("127.0.0.1") && !"\(problem)".contains("ESMTP"))
            #expect(log.text.contains("\(peer.instance)"))
        }
    }

    @Test func `has no service when nobody listens`() async throws {
        let peer = try await Peer.start(port: ChildServer.freePort()) { _ in .ok() }
        let instance = peer.instance
        try await peer.kill()
        try await RunningCluster.run([instance]) { running in
            let problem = try #require(try await running.problem(.post))
            #expect(problem.code == .unavailable && problem.headers[.retryAfter] == "1")
        }
    }

    @Test func `is not followed elsewhere`() async throws {
        let peer = try await Peer.start { _ in .ok(status: "302 Found", headers: "Location: http://127.0.0.1:1/\r\n") }
        try await RunningCluster.run([peer]) { running in
            let status = try await running.status()
            #expect(status == 302)
        }
    }
}
