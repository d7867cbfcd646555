import Logging
import Redis
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(15))) struct `Without an answer from Redis` {
    private func expectUnavailable(_ redis: RedisClient) async {
        await #expect {
            try await redis.send("PING")
        } throws: { error in
            if case .unavailable? = error as? RedisError { true } else { false }
        }
    }

    @Test func `a command that nobody connected fails at once`() async throws {
        let target = try #require(RedisTarget("redis://127.0.0.1:1"))
        await expectUnavailable(RedisClient(target, logger: TestCluster.logger))
    }

    @Test func `a command ends at its deadline, and the next ones get their own replies`() async throws {
        try await withRedis { redis, server in
            server.pause()
            await #expect(throws: RedisError.timedOut) { try await redis.send(RedisCommand("ECHO", "late"), within: .milliseconds(5)) }
            await #expect(throws: RedisError.timedOut) { try await redis.send(RedisCommand("ECHO", "later"), within: .milliseconds(1)) }
            server.resume()
            for text in ["a", "b"] {
                let reply = try await redis.send("ECHO", text)
                #expect(reply == .text(text))
            }
        }
    }

    @Test func `a cancelled caller goes on at once`() async throws {
        try await withRedis { redis, server in
            server.pause()
            try await withThrowingTaskGroup { group in
                group.addTask { await #expect(throws: RedisError.cancelled) { try await redis.send("PING") } }
                group.cancelAll()
                try await group.waitForAll()
            }
            server.resume()
            #expect(try await redis.send("ECHO", "a") == .text("a"))
        }
    }

    @Test func `only so many commands are in flight`() async throws {
        var limits = RedisLimits.patient
        limits.mostInFlight = 10
        try await withRedis(limits: limits) { redis, server in
            server.pause()
            let outcomes = await withTaskGroup { group in
                for _ in 1...30 {
                    group.addTask { () async -> RedisError? in
                        do throws(RedisError) {
                            _ = try await redis.send(RedisCommand("PING"), within: .milliseconds(50))
                            return nil
                        } catch {
                            return error
                        }
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            // The client's own ping may have a place, too.
            #expect(outcomes.count { $0 == .overloaded } >= 20 && outcomes.count { $0 == .timedOut } >= 9)
            #expect(outcomes.allSatisfy { $0 == .overloaded || $0 == .timedOut })
            server.resume()
            try await eventually { (try? await redis.send("PING")) == .text("PONG") }
        }
    }

    @Test func `the connection is given up, and all works again when the server does`() async throws {
        var limits = RedisLimits.patient
        limits.patience = .seconds(1)
        try await withRedis(limits: limits) { redis, server in
            server.pause()
            // Late, or refused where the connection was given up before.
            await #expect(throws: RedisError.self) { try await redis.send(RedisCommand("PING"), within: .milliseconds(5)) }
            // From now on nobody waits.
            try await eventually {
                do throws(RedisError) { _ = try await redis.send("PING") } catch { if case .unavailable = error { return true } }
                return false
            }
            server.resume()
            try await redis.untilConnected()
        }
    }

    @Test func `a killed server's callers are told, and its successor is found`() async throws {
        let log = SpokenLog()
        try await withRedis(logger: log.logger) { redis, server in
            server.pause()
            try await withThrowingTaskGroup { group in
                for _ in 1...5 { group.addTask { await expectUnavailable(redis) } }
                server.kill()
                try await group.waitForAll()
            }
            await expectUnavailable(redis)
            #expect(await log.line(with: "warning Redis can't be reached") != nil)
            try await server.start()
            try await redis.untilConnected()
            #expect(log.lines(at: .warning).count == 1 && log.lines(at: .info).contains { $0.contains("Redis is there again") })
        }
    }

    @Test func `a connection that the server closes is made anew`() async throws {
        try await withRedis { redis, _ in
            #expect(try await redis.send("QUIT") == .text("OK"))
            try await redis.untilConnected()
        }
    }
}

@Suite(.timeLimit(.minutes(15))) struct `A subscriber` {
    @Test func `is told what is published, and that it may have missed something`() async throws {
        try await withRedis { redis, server in
            let subscriber = RedisSubscriber(redis.target, channels: ["one", "two"], limits: .patient, logger: TestCluster.logger)
            let (events, continuation) = AsyncStream.makeStream(of: RedisSubscriber.Event.self)
            try await withThrowingTaskGroup { group in
                group.addTask { try await subscriber.run { continuation.yield($0) } }
                var seen = events.makeAsyncIterator()
                #expect(await seen.next() == .connected)
                #expect(try await redis.send("PUBLISH", "two", "a") == .integer(1))
                #expect(await seen.next() == .message(channel: "two", payload: "a"))
                server.kill()
                try await server.start()
                #expect(await seen.next() == .connected)
                try await redis.untilConnected()
                _ = try await redis.send("PUBLISH", "one", "b")
                #expect(await seen.next() == .message(channel: "one", payload: "b"))
                group.cancelAll()
            }
        }
    }
}
