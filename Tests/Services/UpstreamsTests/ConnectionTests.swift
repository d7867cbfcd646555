import HTTPContract
import HTTPTypes
import Hummingbird
import NIOCore
import NIOHTTP1
import NIOPosix
import TestSupport
import Testing

@testable import Upstreams

@Suite(.timeLimit(.minutes(5))) struct `The connections to an instance` {
    @Test func `carry one call after the other`() async throws {
        let peer = try await Peer.start { _ in .ok("fine") }
        try await RunningCluster.run([peer]) { running in
            for _ in 0..<50 {
                let text = try await running.send(.get, "/").text()
                #expect(text == "fine")
            }
            // One for each event loop, and one for the check.
            #expect(peer.connections <= Array(MultiThreadedEventLoopGroup.singleton.makeIterator()).count + 1)
        }
    }

    @Test func `are not used again when the instance has closed them, or says that it will`() async throws {
        let peer = try await Peer.start { call in
            call.head.uri == "/last"
                ? .last("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlast")
                : .bytes("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 6\r\n\r\nclosed")
        }
        try await RunningCluster.run([peer]) { running in
            for (path, text) in [("/last", "last"), ("/", "closed"), ("/last", "last"), ("/", "closed")] {
                let answer = try await running.send(.post, path).text()
                #expect(answer == text)
                // It is gone before the next call, whichever side closes it.
                try await eventually { peer.connections == 0 }
            }
        }
    }

    @Test func `end with a request whose body breaks off`() async throws {
        let peer = try await Peer.start { _ in .silence }
        try await RunningCluster.run([peer]) { running in
            let broken = AsyncThrowingStream<ByteBuffer, any Error> { parts in
                parts.yield(ByteBuffer(string: String(repeating: "x", count: 100_000)))
                parts.finish(throwing: BrokenOff())
            }
            var head = HTTPRequest(method: .post, scheme: "http", authority: "queries", path: "/")
            head.headerFields[.contentLength] = "200000"
            let request = Request(head: head, body: RequestBody(asyncSequence: broken))
            let context = CallContext(logger: running.cluster.logger)
            await #expect(throws: BrokenOff.self) { _ = try await running.cluster.send(request, context: context) }
            try await eventually { peer.connections == 0 }
            #expect(running.cluster.state.instances.map(\.outstanding) == [0])
        }
    }
}

private struct BrokenOff: Error {}
