import EventSourcing
import HTTPContract
import HTTPTypes
import Hummingbird
import NIOCore
import TestSupport
import Testing

@testable import Gateway

@Suite(.timeLimit(.minutes(5))) struct `A service with more calls than it can do with` {
    private let post = "/api/v1/posts/01980000-0000-7000-8000-000000000001"

    private func settings(_ concurrency: Int, reads: Int) -> GatewaySettings {
        var settings = GatewaySettings(deadline: .seconds(3600))
        settings.shedding.concurrency = concurrency
        settings.shedding.reads = reads
        return settings
    }

    @Test func `still answers commands while reads wait for it`() async throws {
        let release = Signal()
        let commands = Spy("commands") { request, _ in
            if request.method == .get { try await release.wait() }
            return Answer.noContent()
        }
        var settings = settings(2, reads: 1)
        settings.shedding.interval = .seconds(3600)
        let gateway = SpiedGateway(commands: commands, settings: settings)
        try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<3 { group.addTask { [post] in try await gateway.answer(.get, post + "/history").status } }
            try await eventually { commands.requests.count == 1 }
            for _ in 0..<10 {
                let answer = try await gateway.answer(.post, post + "/publish")
                #expect(answer.status == 204)
            }
            release.finish()
            for try await status in group { #expect(status == 204) }
        }
    }

    @Test func `still answers reads while others wait for a position`() async throws {
        let release = Signal()
        let queries = Spy("queries") { request, _ in
            if request.headers.contains(.waitForPosition) { try await release.wait() }
            return Answer.noContent()
        }
        var settings = settings(9, reads: 8)
        settings.shedding.interval = .seconds(3600)
        let gateway = SpiedGateway(queries: queries, settings: settings)
        try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<20 { group.addTask { [post] in try await gateway.answer(.get, post, [.waitForPosition: "7", .prefer: "wait=10"]).status } }
            try await eventually { queries.requests.count == 2 }
            for _ in 0..<10 {
                let answer = try await gateway.answer(.get, post)
                #expect(answer.status == 204)
            }
            release.finish()
            for try await status in group { #expect(status == 204) }
        }
    }

    @Test func `takes calls for the parts of a page as the reads that they are`() async throws {
        let release = Signal()
        let service = Spy("queries") { _, _ in
            try await release.wait()
            return Answer.noContent()
        }
        var shedding = SheddingSettings()
        (shedding.concurrency, shedding.reads, shedding.interval) = (2, 1, .seconds(3600))
        let queue = AdmissionQueue(service, shedding)
        let send = { @Sendable (method: HTTPRequest.Method) in
            try await queue.send(
                Request(head: HTTPRequest(method: method, scheme: "http", authority: "annals", path: "/"), body: RequestBody(buffer: ByteBuffer())),
                context: CallContext(logger: .silent)
            ).status.code
        }
        try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<2 { group.addTask { try await send(.get) } }
            try await eventually { service.requests.count == 1 && queue.waiting == 1 }
            group.addTask { try await send(.post) }
            try await eventually { service.requests.count == 2 }
            #expect(queue.waiting == 1)
            release.finish()
            for try await status in group { #expect(status == 204) }
        }
    }

    @Test func `refuses early what would be late, and says when to come again`() async throws {
        let release = Signal()
        let queries = Spy("queries") { _, _ in
            try await release.wait()
            return Answer.noContent()
        }
        var settings = settings(1, reads: 1)
        settings.shedding.interval = .milliseconds(20)
        settings.shedding.target = .milliseconds(5)
        let gateway = SpiedGateway(queries: queries, settings: settings)
        try await withThrowingTaskGroup(of: Int.self) { group in
            group.addTask { [post] in try await gateway.answer(.get, post).status }
            try await eventually { queries.requests.count == 1 }
            // The first never ends by itself, and yet this one is answered.
            let answer = try await gateway.answer(.get, post)
            #expect(answer.code == "UNAVAILABLE" && answer.headers[.retryAfter] == "1")
            #expect(queries.requests.count == 1)
            release.finish()
            for try await status in group { #expect(status == 204) }
        }
    }

    @Test func `loses nothing to a caller who has left the queue`() async throws {
        let release = Signal()
        let service = Spy("queries") { _, _ in
            try await release.wait()
            return Answer.noContent()
        }
        var shedding = SheddingSettings()
        (shedding.concurrency, shedding.interval) = (1, .seconds(3600))
        let queue = AdmissionQueue(service, shedding)
        let call = { @Sendable in
            try await queue.send(
                Request(head: HTTPRequest(method: .get, scheme: "http", authority: "annals", path: "/"), body: RequestBody(buffer: ByteBuffer())),
                context: CallContext(logger: .silent)
            ).status.code
        }
        try await withThrowingTaskGroup(of: Int.self) { group in
            group.addTask { try await call() }
            try await eventually { service.requests.count == 1 }
            let leaver = Task { try await call() }
            try await eventually { queue.waiting == 1 }
            leaver.cancel()
            await #expect(throws: CancellationError.self) { try await leaver.value }
            #expect(queue.waiting == 0)
            group.addTask { try await call() }
            try await eventually { queue.waiting == 1 }
            release.finish()
            for try await status in group { #expect(status == 204) }
        }
    }
}
