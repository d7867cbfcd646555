import EventLog
import EventLogTesting
import EventRelay
import EventSourcing
import Foundation
import JSON
import Logging
import Publishing
import RabbitMQ
import TestSupport
import Testing

/// A log, a RabbitMQ, and what sends the events of the one to the other.
private struct Forwarding: Sendable {
    let relayed: RelayedLog
    let server: RabbitMQServer
    let exchange = "events-\(UUID())"
    let queue = "all-\(UUID())"

    /// With a queue that gets everything.
    static func open(on server: RabbitMQServer, _ body: @escaping @Sendable (Forwarding) async throws -> Void) async throws {
        try await RelayedLog.open { relayed in
            let forwarding = Forwarding(relayed: relayed, server: server)
            try await server.bind(forwarding.queue, to: forwarding.exchange)
            try await body(forwarding)
        }
    }

    func sink(user: String = "annals", password: String = "secret", window: Int = 7) throws -> RabbitMQExchange {
        let target = try #require(RabbitMQTarget(server.url(user: user, password: password)))
        // On a slow machine a broker that is there must not be taken for one that is not: what it has would be sent again.
        return RabbitMQExchange(RabbitMQPublisher(target, exchange: exchange, window: window, patience: patience, logger: TestCluster.logger))
    }

    /// Sends on, by another connection, until everything up to the position is confirmed.
    func forward(
        start: SinkStart = .beginning, logger: Logger = TestCluster.logger, until position: Int64,
        while body: @escaping @Sendable () async throws -> Void = {}
    ) async throws {
        try await relayed.forward(to: try sink(), start: start, logger: logger, while: { _ in try await body() }) {
            await relayed.checkpoint(of: "rabbitmq") ?? 0 >= position
        }
    }

    /// The ids of what the queue has got, in order and without repeats.
    func seen() async throws -> [String] {
        var seen: [String] = []
        var known: Set<String> = []
        for id in try await server.messages(in: queue).map(\.id) where known.insert(id).inserted { seen.append(id) }
        return seen
    }
}

@Suite(.timeLimit(.minutes(isLongRun ? 60 : 15))) struct `An exchange of RabbitMQ` {
    @Test func `gets every event in order, under its id and by its type, as a CloudEvent`() async throws {
        try await Forwarding.open(on: .shared) { forwarding in
            let views = "views-\(UUID())"
            try await forwarding.server.bind(views, to: forwarding.exchange, key: "\(ViewRules.category).*")
            try await forwarding.relayed.append(30)
            try await forwarding.forward(until: 30)
            let events = try await forwarding.relayed.log.store.read(after: 0, limit: 100)
            let messages = try await forwarding.server.messages(in: forwarding.queue)
            #expect(messages.map(\.id) == events.map(\.id.lowercased))
            #expect(messages.map(\.routingKey) == events.map { "\($0.stream.category).\($0.type)" })
            #expect(messages.map(\.type) == events.map { "annals.\($0.type)" })
            #expect(messages.allSatisfy { $0.contentType == "application/cloudevents+json" && $0.isPersistent })
            for (message, event) in zip(messages, events) {
                let body = try JSONValue.parse(Array(message.body.utf8))
                #expect(body["id"]?.text == message.id && body["sequence"]?.text.flatMap { Int64($0) } == event.position)
            }
            #expect(try await forwarding.server.count(in: views) == 10)
        }
    }

    @Test func `gets the rest after a restart of the relay, from the checkpoint, whatever the setting of its start says`() async throws {
        try await Forwarding.open(on: .shared) { forwarding in
            try await forwarding.relayed.append(20)
            try await forwarding.forward(until: 20)
            try await forwarding.relayed.append(20)
            try await forwarding.forward(start: .end, until: 40)
            #expect(try await forwarding.seen() == forwarding.relayed.eventIDs())
        }
    }

    @Test(arguments: [0, 5] as [Int64])
    func `begins at the end where the setting says so, and lacks nothing that happened while the relay was away`(head: Int64) async throws {
        try await Forwarding.open(on: .shared) { forwarding in
            let relayed = forwarding.relayed
            try await relayed.append(Int(head))
            try await relayed.forward(to: try forwarding.sink(), start: .end) {
                await relayed.checkpoint(of: "rabbitmq") == head
            }
            try await relayed.append(4)
            try await forwarding.forward(start: .end, until: head + 4)
            #expect(try await forwarding.seen() == Array(relayed.eventIDs().dropFirst(Int(head))))
        }
    }

    @Test func `lacks an event that is too large for the broker, which is told once, and has those around it`() async throws {
        try await Forwarding.open(on: .shared) { forwarding in
            try await forwarding.relayed.append(2)
            try await forwarding.relayed.append(1, content: String(repeating: "x", count: RabbitMQServer.maximumBytes))
            try await forwarding.relayed.append(2)
            let spoken = SpokenLog()
            try await forwarding.forward(logger: spoken.logger, until: 5)
            try await forwarding.relayed.append(1)
            try await forwarding.forward(logger: spoken.logger, until: 6)
            var ids = try await forwarding.relayed.eventIDs()
            let large = ids.remove(at: 2)
            #expect(try await forwarding.seen() == ids)
            let told = spoken.lines(at: .error).filter { $0.contains("too large") }
            #expect(told.count == 1 && told[0].contains("id=\(large)") && told[0].contains("position=3"), "\(told)")
        }
    }

    @Test(arguments: [("annals", "wrong", "Login was refused"), ("stranger", "secret", "access to exchange")])
    func `that refuses is said to, in its own words`(user: String, password: String, words: String) async throws {
        try await Forwarding.open(on: .shared) { forwarding in
            try await forwarding.relayed.append(1)
            let spoken = SpokenLog()
            try await forwarding.relayed.forward(to: try forwarding.sink(user: user, password: password), logger: spoken.logger) {
                spoken.text.contains("RabbitMQ refuses: 403 ACCESS_REFUSED") && spoken.text.contains(words)
            }
            let checkpoint = await forwarding.relayed.checkpoint(of: "rabbitmq")
            #expect(checkpoint == 0)
            // Once it is let in, nothing is missing.
            try await forwarding.forward(until: 1)
            #expect(try await forwarding.seen() == forwarding.relayed.eventIDs())
        }
    }

    @Test func `is not written to from a log that lacks what it was sent`() async throws {
        try await Forwarding.open(on: .shared) { forwarding in
            try await forwarding.relayed.append(1)
            try await forwarding.relayed.log.run(
                "INSERT INTO relay.subscribers (name, position, event_id, has_begun) VALUES ('sink-rabbitmq', 1, gen_random_uuid(), true)")
            let spoken = SpokenLog()
            try await forwarding.relayed.forward(to: try forwarding.sink(), logger: spoken.logger) {
                spoken.lines(at: .critical).contains { $0.contains("it is another log, or was restored") }
            }
            #expect(try await forwarding.seen().isEmpty)
        }
    }

    @Test func `gets every event, in order and told apart by its id, through kills of RabbitMQ and of the relay`() async throws {
        let rounds: Int64 = isLongRun ? 30 : 2
        try await RabbitMQServer.with { server in
            try await Forwarding.open(on: server) { forwarding in
                for round in 1...rounds {
                    // Cancelled in the middle of its work.
                    try await forwarding.forward(until: (round - 1) * 60 + 7) { try await forwarding.relayed.append(30) }
                    try await forwarding.forward(until: round * 60) {
                        try await forwarding.relayed.append(10)
                        server.kill()
                        try await forwarding.relayed.append(10)
                        try await server.start()
                        try await forwarding.relayed.append(10)
                    }
                }
                #expect(try await forwarding.seen() == forwarding.relayed.eventIDs())
            }
        }
    }
}
