import HTTPContract
import HTTPTypes
import Hummingbird
import NIOCore
import NIOEmbedded
import TestSupport
import Testing

@testable import Gateway

private let (list, post, slug) = (Ask.list, Ask.post, Ask.slug)

@Suite(.timeLimit(.minutes(5))) struct `The time of a call on the event loop` {
    @Test func `is bounded, and an answer that comes later is told nobody`() async throws {
        let stand = Newsstand()
        try await stand.serve({
            $0.deadline = .milliseconds(50)
            ($0.shedding.concurrency, $0.shedding.reads) = (1, 1)
        }) { port, _ in
            let wire = try Wire(port: port)
            await wire.send(Ask.get(post))
            let late = try await wire.answer()
            #expect(late.hasPrefix("HTTP/1.1 504 ") && late.contains("TIMEOUT"))
            stand.release()
            // The only place at the service is free again.
            await wire.send(Ask.get(list, Ask.closing))
            #expect(WireResponse.all(in: try await wire.rest()).map(\.body) == [Newsstand.body(list)])
            #expect(stand.ways == ["direct \(post)", "direct \(list)"])
        }
    }

    @Test func `is its own also behind one that was answered at once`() async throws {
        let stand = Newsstand()
        try await stand.serve({ $0.deadline = .milliseconds(500) }) { port, _ in
            let wire = try Wire(port: port)
            await wire.send(Ask.get(post) + Ask.get("/health") + Ask.get(post, Ask.closing))
            try await eventually { stand.heldCount == 1 }
            stand.release()
            let answers = WireResponse.all(in: try await wire.rest())
            try #require(answers.count == 3)
            // The first may be late, too, on a slow machine.
            #expect([200, 504].contains(answers[0].status) && answers[1].status == 200 && answers[2].status == 504)
        }
    }

    @Test func `begins anew with each call of a connection`() async throws {
        let stand = Newsstand()
        try await stand.serve({ $0.deadline = .milliseconds(50) }) { port, _ in
            let wire = try Wire(port: port)
            for _ in 1...3 {
                await wire.send(Ask.get(post))
                #expect(try await wire.answer().hasPrefix("HTTP/1.1 504 "))
            }
        }
    }
}

@Suite(.timeLimit(.minutes(5))) struct `The place of a call on the event loop` {
    private func narrow(_ settings: inout GatewaySettings) { (settings.shedding.concurrency, settings.shedding.reads) = (1, 1) }

    @Test func `is waited for in a task where none is free`() async throws {
        let stand = Newsstand()
        try await stand.serve(narrow) { port, gateway in
            let (first, second) = (try Wire(port: port), try Wire(port: port))
            await first.send(Ask.get(post))
            try await eventually { stand.heldCount == 1 }
            await second.send(Ask.get(list, Ask.closing))
            try await eventually { gateway.queries.waiting == 1 }
            stand.release()
            #expect(WireResponse.all(in: try await second.rest()).map(\.body) == [Newsstand.body(list)])
            #expect(try await first.answer().hasSuffix(Newsstand.body(post)))
            #expect(stand.ways == ["direct \(post)", "usual \(list)"])
        }
    }

    @Test func `is given back by each that is answered`() async throws {
        let stand = Newsstand(isOpen: true) { request in
            if request.head.path == slug { throw Problem.notFound() }
            return Newsstand.text("text")
        }
        try await stand.serve(narrow) { port, _ in
            let wire = try Wire(port: port)
            for path in [list, post, list, slug, post, list] {
                await wire.send(Ask.get(path))
                #expect(try await wire.answer().hasPrefix("HTTP/1.1 \(path == slug ? 404 : 200) "))
            }
        }
    }

    @Test func `is given back when its client has gone`() async throws {
        let stand = Newsstand()
        try await stand.serve({
            narrow(&$0)
            $0.connections.halfClosed = .milliseconds(10)
        }) { port, _ in
            let gone = try Wire(port: port)
            await gone.send(Ask.get(post))
            try await eventually { stand.heldCount == 1 }
            // As a client that is killed leaves it behind: its connection ends unanswered.
            gone.finish()
            #expect(try await gone.rest() == "")
            stand.release()
            let wire = try Wire(port: port)
            await wire.send(Ask.get(list, Ask.closing))
            #expect(WireResponse.all(in: try await wire.rest()).map(\.body) == [Newsstand.body(list)])
        }
    }

    @Test func `is given back by one that is refused for its rate`() async throws {
        let settings = RateLimitSettings(calls: RateLimit(1, in: .seconds(60)), logins: nil, registrations: nil)
        let stand = Newsstand()
        try await stand.serve(narrow, limits: RateLimits(settings, now: HandClock().reading)) { port, gateway in
            let wire = try Wire(port: port)
            for status in [200, 429, 429] {
                await wire.send(Ask.get(list))
                #expect(try await wire.answer().hasPrefix("HTTP/1.1 \(status) "))
            }
            #expect(gateway.queries.enterAtOnce(.read))
            gateway.queries.leave(.read)
        }
    }
}

@Suite(.timeLimit(.minutes(5))) struct `A server that is about to stop, with calls on the event loop` {
    @Test func `answers the one under way, and ends its connection with it`() async throws {
        let drain = Drain()
        let stand = Newsstand()
        try await stand.serve({ $0.connections.drain = drain }) { port, _ in
            let wire = try Wire(port: port)
            await wire.send(Ask.get(post))
            try await eventually { stand.heldCount == 1 }
            drain.begin()
            stand.release()
            let answers = WireResponse.all(in: try await wire.rest())
            #expect(answers.map(\.body) == [Newsstand.body(post)] && answers.first?.headers["connection"] == "close")
        }
    }

    @Test func `ends a connection with the last of the requests that were sent at once`() async throws {
        let drain = Drain()
        let stand = Newsstand(isOpen: true)
        try await stand.serve({ $0.connections.drain = drain }) { port, _ in
            drain.begin()
            for path in [list, post] {
                let wire = try Wire(port: port)
                await wire.send(Ask.get(path) + Ask.get(path))
                let answers = WireResponse.all(in: try await wire.rest())
                #expect(answers.map(\.status) == [200, 200] && answers.last?.headers["connection"] == "close", "\(answers)")
            }
        }
    }

    @Test func `answers the one under way when it is told to stop, and closes`() throws {
        let stand = Newsstand()
        let connection = try StandConnection(stand)
        defer { connection.close() }
        try connection.send(Ask.get(post))
        connection.channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        connection.channel.embeddedEventLoop.advanceTime(by: .seconds(10))
        #expect(try connection.received() == "")
        stand.release()
        connection.channel.embeddedEventLoop.run()
        let answers = WireResponse.all(in: try connection.received())
        #expect(answers.map(\.body) == [Newsstand.body(post)] && answers.first?.headers["connection"] == "close")
    }
}

@Suite struct `A client that takes no answers` {
    @Test func `gets no further call answered until it does`() throws {
        let stand = Newsstand()
        let connection = try StandConnection(stand)
        defer { connection.close() }
        connection.channel.isWritable = false
        try connection.send(String(repeating: Ask.get(list), count: 3))
        #expect(stand.ways.count == 1)
        connection.channel.isWritable = true
        connection.channel.pipeline.fireChannelWritabilityChanged()
        #expect(stand.ways.count == 3)
        #expect(WireResponse.all(in: try connection.received()).map(\.status) == [200, 200, 200])
    }
}
