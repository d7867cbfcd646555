import Foundation
import Logging
import RabbitMQ
import TestSupport
import Testing

private struct Publishing: Sendable {
    let server: RabbitMQServer
    let exchange = "exchange-\(UUID())"
    let queue = "queue-\(UUID())"

    func publisher(
        user: String = "annals", password: String = "secret", window: Int = 10, patience: Duration = .seconds(120)
    ) throws -> RabbitMQPublisher {
        let target = try #require(RabbitMQTarget(server.url(user: user, password: password)))
        return RabbitMQPublisher(target, exchange: exchange, window: window, patience: patience, logger: TestCluster.logger)
    }

    static func messages(_ numbers: ClosedRange<Int>, body: String = "ü") -> [RabbitMQMessage] {
        numbers.map { RabbitMQMessage(id: "\($0)", routingKey: "odd.\($0 % 2)", type: "number", contentType: "text/plain", body: body) }
    }
}

@Suite(.timeLimit(.minutes(15))) struct `A publisher to RabbitMQ` {
    @Test func `declares its exchange, and has what it published confirmed in order`() async throws {
        let publishing = Publishing(server: try await .shared)
        let publisher = try publishing.publisher()
        // Nobody takes it: the exchange is there from then on.
        try await publisher.publish(Publishing.messages(1...1))
        try await publishing.server.bind(publishing.queue, to: publishing.exchange, key: "odd.1")
        try await publisher.publish([])
        try await publisher.publish(Publishing.messages(2...100))
        try await publisher.publish(Publishing.messages(101...120))
        let read = try await publishing.server.messages(in: publishing.queue)
        #expect(read.map(\.id) == (2...120).filter { $0 % 2 == 1 }.map(String.init))
        #expect(read.allSatisfy { $0.isPersistent && $0.type == "number" && $0.contentType == "text/plain" && $0.body == "ü" })
        #expect(read.allSatisfy { $0.routingKey == "odd.1" })
    }

    @Test func `tells why a user is refused`() async throws {
        let publishing = Publishing(server: try await .shared)
        for (user, password, words) in [("annals", "wrong", "Login was refused"), ("stranger", "secret", "exchange '\(publishing.exchange)'")] {
            let publisher = try publishing.publisher(user: user, password: password)
            await #expect {
                try await publisher.publish(Publishing.messages(1...1))
            } throws: { error in
                guard case .refused(403, let text)? = error as? RabbitMQError else { return false }
                return text.hasPrefix("ACCESS_REFUSED") && text.contains(words)
            }
        }
    }

    @Test func `uses an exchange that it may not declare`() async throws {
        let publishing = Publishing(server: try await .shared)
        try await publishing.server.bind(publishing.queue, to: publishing.exchange)
        try await publishing.publisher(user: "writer").publish(Publishing.messages(1...3))
        #expect(try await publishing.server.messages(in: publishing.queue).map(\.id) == ["1", "2", "3"])
        // One that may not even write there is told by the broker at its first message.
        let stranger = try publishing.publisher(user: "stranger")
        await #expect {
            try await stranger.publish(Publishing.messages(1...1))
        } throws: { error in
            if case .refused(403, _)? = error as? RabbitMQError { true } else { false }
        }
    }

    @Test func `tells the largest body that the broker takes, and goes on with another connection`() async throws {
        let publishing = Publishing(server: try await .shared)
        try await publishing.server.bind(publishing.queue, to: publishing.exchange)
        let publisher = try publishing.publisher()
        let body = String(repeating: "x", count: RabbitMQServer.maximumBytes + 1)
        await #expect {
            try await publisher.publish(Publishing.messages(1...1, body: body))
        } throws: { error in
            (error as? RabbitMQError)?.largestBody == RabbitMQServer.maximumBytes
        }
        try await publisher.publish(Publishing.messages(2...2, body: String(body.dropLast())))
        #expect(try await publishing.server.messages(in: publishing.queue).map(\.id) == ["2"])
    }

    @Test func `tells that nobody listens`() async throws {
        let target = try #require(RabbitMQTarget("amqp://127.0.0.1:1"))
        let publisher = RabbitMQPublisher(target, exchange: "none", logger: TestCluster.logger)
        await #expect {
            try await publisher.publish(Publishing.messages(1...1))
        } throws: { error in
            if case .unavailable(let reason)? = error as? RabbitMQError { reason.hasPrefix("no connection to amqp://127.0.0.1:1/") } else { false }
        }
    }
}

@Suite(.timeLimit(.minutes(5))) struct `A publisher to a RabbitMQ that can't be reached` {
    @Test func `gives up connecting at once when it is cancelled`() async throws {
        let port = DeafPort()
        let target = try #require(RabbitMQTarget("amqp://127.0.0.1:\(port.number)"))
        let publisher = RabbitMQPublisher(target, exchange: "none", patience: .seconds(3600), logger: TestCluster.logger)
        for _ in 1...3 {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await #expect(throws: CancellationError.self) { try await publisher.publish(Publishing.messages(1...1)) } }
                try await eventually { try port.waiting() == 1 }
                group.cancelAll()
                try await group.waitForAll()
            }
            // The thread is free for what comes next.
            try await eventually { try port.waiting() == 0 }
        }
    }

    @Test func `tells so after its patience`() async throws {
        let port = DeafPort()
        let target = try #require(RabbitMQTarget("amqp://127.0.0.1:\(port.number)"))
        let publisher = RabbitMQPublisher(target, exchange: "none", patience: .milliseconds(100), logger: TestCluster.logger)
        await #expect(throws: RabbitMQError.unavailable("no connection to \(target): Connection timed out")) {
            try await publisher.publish(Publishing.messages(1...1))
        }
    }
}

/// On one server, since each start takes seconds.
@Suite(.timeLimit(.minutes(15))) struct `A publisher to a RabbitMQ that fails` {
    @Test func `is told when it gives no sign, goes on at once when it is cancelled, and when it is killed finds it again`() async throws {
        try await RabbitMQServer.with { server in
            let publishing = Publishing(server: server)
            try await server.bind(publishing.queue, to: publishing.exchange)
            let publisher = try publishing.publisher(patience: .seconds(10))
            // A slow machine may take longer than that to connect.
            try await eventually { (try? await publisher.publish(Publishing.messages(1...1))) != nil }

            server.pause()
            await #expect(throws: RabbitMQError.unconfirmed) { try await publisher.publish(Publishing.messages(2...2)) }
            server.resume()
            try await eventually { (try? await publisher.publish(Publishing.messages(3...3))) != nil }

            let patient = try publishing.publisher(patience: .seconds(3600))
            try await patient.publish(Publishing.messages(4...4))
            server.pause()
            // Before it begins, while it waits for a confirmation, and while it connects again.
            for turns in [0, 100, 0, 100, 1000] {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { await #expect(throws: CancellationError.self) { try await patient.publish(Publishing.messages(5...5)) } }
                    for _ in 0..<turns { await Task.yield() }
                    group.cancelAll()
                    try await group.waitForAll()
                }
            }
            server.resume()
            try await eventually { (try? await patient.publish(Publishing.messages(6...6))) != nil }

            server.kill()
            await #expect(throws: RabbitMQError.self) { try await publisher.publish(Publishing.messages(7...7)) }
            try await server.start()
            try await eventually { (try? await publisher.publish(Publishing.messages(8...8))) != nil }
            let read = try await server.messages(in: publishing.queue).map(\.id)
            // Those that were not confirmed may be there.
            #expect(Set(["1", "3", "4", "6", "8"]).isSubset(of: read) && read.last == "8")
        }
    }
}
