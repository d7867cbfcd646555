import Redis
import Synchronization
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(15))) struct `A Redis command` {
    @Test func `is answered with every kind of reply`() async throws {
        try await withRedis { redis, _ in
            #expect(try await redis.send("SET", "key", "value") == .text("OK"))
            #expect(try await redis.send("GET", "key") == .text("value"))
            #expect(try await redis.send("GET", "nothing") == .null)
            #expect(try await redis.send("INCRBY", "n", "-9223372036854775808") == .integer(.min))
            #expect(try await redis.send("MGET", "key", "nothing") == .array([.text("value"), .null]))
            let nested = try await redis.send("EVAL", "return {1, {'a', {}}, redis.error_reply('ERR x')}", "0")
            #expect(nested == .array([.integer(1), .array([.text("a"), .array([])]), .failure("ERR x")]))
        }
    }

    @Test func `takes any text, of any length`() async throws {
        try await withRedis { redis, _ in
            for text in ["", "\r\n$3\r\n", "nul\0inside", "é👩‍🚀", String(repeating: "x", count: 3_000_000)] {
                _ = try await redis.send("SET", text, text)
                #expect(try await redis.send("GET", text) == .text(text))
            }
        }
    }

    @Test func `that the server refuses fails with the server's code`() async throws {
        try await withRedis { redis, _ in
            _ = try await redis.send("SET", "key", "value")
            await #expect(throws: RedisError.server(code: "WRONGTYPE", message: "Operation against a key holding the wrong kind of value")) {
                try await redis.send("LPUSH", "key", "1")
            }
            #expect(try await redis.send("PING") == .text("PONG"))
        }
    }

    @Test func `gets its own reply among many at once`() async throws {
        try await withRedis { redis, _ in
            try await withThrowingTaskGroup { group in
                for number in 0..<2000 {
                    group.addTask {
                        let reply = try await redis.send("ECHO", "\(number)")
                        #expect(reply == .text("\(number)"))
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test func `logs in, and works in its database, over TCP and over a unix socket`() async throws {
        let open: @Sendable (RedisServer) -> RedisTarget? = { RedisTarget("redis://:s%40crt@127.0.0.1:\($0.port)/5") }
        try await withRedis(["--requirepass", "s@crt"], target: open) { redis, _ in
            guard case .text(let client) = try await redis.send("CLIENT", "INFO") else { Issue.record("no text"); return }
            #expect(client.contains(" db=5 ") && client.contains("user=default"))
        }
        try await withRedis(target: { RedisTarget("unix://\($0.socket)?db=2") }) { redis, _ in
            guard case .text(let client) = try await redis.send("CLIENT", "INFO") else { Issue.record("no text"); return }
            #expect(client.contains(" db=2 "))
        }
    }

    @Test func `is refused where the password is wrong, and the log does not tell it`() async throws {
        try await RedisServer.with(["--requirepass", "right"]) { server in
            let log = SpokenLog()
            let client = RedisClient(try #require(RedisTarget("redis://:wrong-one@127.0.0.1:\(server.port)")), limits: .patient, logger: log.logger)
            try await withThrowingTaskGroup { group in
                group.addTask { try await client.run() }
                let line = try #require(await log.line(with: "Redis can't be reached"))
                #expect(line.contains("WRONGPASS") && !log.text.contains("wrong-one"))
                group.cancelAll()
            }
        }
    }
}

@Suite(.timeLimit(.minutes(15))) struct `A Redis script` {
    private let script = RedisScript("return {KEYS[1], ARGV[1], redis.call('INCR', KEYS[1])}")

    @Test func `is named by the digest that the server gives it`() async throws {
        try await withRedis { redis, _ in
            let name = try await redis.send("SCRIPT", "LOAD", script.source)
            #expect(name == .text(script.digest))
        }
    }

    @Test func `runs on a server that does not know it, and again after that has forgotten it`() async throws {
        try await withRedis { redis, _ in
            for count in 1...3 as ClosedRange<Int64> {
                let reply = try await redis.run(script, keys: ["k"], arguments: ["a"], within: .seconds(120))
                #expect(reply == .array([.text("k"), .text("a"), .integer(count)]))
                if count == 2 { _ = try await redis.send("SCRIPT", "FLUSH") }
            }
        }
    }

    @Test func `that fails tells why`() async throws {
        try await withRedis { redis, _ in
            await #expect { try await redis.run(RedisScript("return redis.call('NONE')"), keys: [], arguments: [], within: .seconds(120)) } throws: {
                if case .server("ERR", _)? = $0 as? RedisError { true } else { false }
            }
        }
    }
}
