import Logging
import PublishingAPI
import Redis
import TestSupport
import Testing

@testable import Upstreams

@Suite(.timeLimit(.minutes(5))) struct `The registry in Redis` {
    private let one = Instance(host: "127.0.0.1", port: 1)
    private let two = Instance(host: "::1", port: 2)

    private static let quick = ServiceRegistry.Settings(
        lifetime: .seconds(5), beat: .milliseconds(100), look: .milliseconds(50), patience: .seconds(30))

    /// A registry as a process of its own has it.
    private func withRegistry(
        _ server: RedisServer, _ settings: ServiceRegistry.Settings = quick, _ body: (ServiceRegistry) async throws -> Void
    ) async throws {
        var limits = RedisLimits()
        limits.patience = .seconds(30)
        let client = RedisClient(try #require(RedisTarget(server.url)), limits: limits, logger: TestCluster.logger)
        let registry = ServiceRegistry(client, following: [.auth, .commands], settings, logger: TestCluster.logger)
        try await withThrowingTaskGroup { group in
            group.addTask { try await client.run() }
            group.addTask { try await registry.run() }
            defer { group.cancelAll() }
            try await body(registry)
        }
    }

    /// The list becomes this, sooner or later.
    private func expect(_ instances: [Instance], _ lists: AsyncStream<[Instance]>) async throws {
        for await list in lists where Set(list) == Set(instances) { return }
        try Task.checkCancellation()
    }

    @Test func `names those who have registered, and no longer those who have taken themselves out`() async throws {
        // Nothing expires and nobody looks by himself: each change is told.
        var settings = Self.quick
        settings.lifetime = .seconds(3600)
        settings.look = .seconds(3600)
        try await RedisServer.with { server in
            try await withRegistry(server, settings) { watching in
                let lists = watching.instances(of: .auth)
                try await withRegistry(server, settings) { running in
                    try await withThrowingTaskGroup { group in
                        group.addTask { try await running.announce(.auth, at: one) }
                        try await expect([one], lists)
                        try await withThrowingTaskGroup { inner in
                            inner.addTask { try await running.announce(.auth, at: two) }
                            try await expect([one, two], lists)
                            inner.cancelAll()
                        }
                        try await expect([one], lists)
                        group.cancelAll()
                    }
                }
            }
        }
    }

    @Test func `forgets who was killed`() async throws {
        try await RedisServer.with { server in
            try await withRegistry(server) { watching in
                let lists = watching.instances(of: .auth)
                try await withThrowingTaskGroup { group in
                    group.addTask { try await watching.announce(.auth, at: one) }
                    // As one who has registered and is no more: nobody says anything for it.
                    func register(for milliseconds: Int) async throws {
                        try await eventually {
                            (try? await watching.redis.run(
                                RegistryScripts.register, keys: [RegistryScripts.key(of: .auth)],
                                arguments: ["x", "\(two)", "\(milliseconds)"], within: .seconds(30))) != nil
                        }
                    }
                    try await register(for: 3_600_000)
                    try await expect([one, two], lists)
                    try await register(for: 1)
                    try await expect([one], lists)
                    group.cancelAll()
                }
            }
        }
    }

    @Test func `is kept as it was while Redis is away, and is whole again after it was emptied`() async throws {
        // Both have time to come back.
        var settings = Self.quick
        settings.lifetime = .seconds(3600)
        try await RedisServer.with { server in
            try await withRegistry(server, settings) { watching in
                let lists = watching.instances(of: .auth)
                try await withThrowingTaskGroup { group in
                    for instance in [one, two] { group.addTask { try await watching.announce(.auth, at: instance) } }
                    try await expect([one, two], lists)
                    server.kill()
                    try await server.start()
                    let key = RegistryScripts.key(of: .auth)
                    try await eventually {
                        let reply = try? await watching.redis.run(RegistryScripts.list, keys: [key], arguments: [], within: .seconds(30))
                        return reply?.array?.count == 2
                    }
                    // Not one list lacked anybody meanwhile: the next change is the one that is made now.
                    let three = Instance(host: "127.0.0.1", port: 3)
                    group.addTask { try await watching.announce(.auth, at: three) }
                    let next = await lists.first { _ in true }
                    #expect(Set(next ?? []) == [one, two, three])
                    group.cancelAll()
                }
            }
        }
    }

    @Test func `keeps services apart, and passes over what is no address`() async throws {
        try await RedisServer.with { server in
            try await withRegistry(server) { watching in
                var lists = watching.instances(of: .commands).makeAsyncIterator()
                try await withThrowingTaskGroup { group in
                    group.addTask { try await watching.announce(.auth, at: one) }
                    try await eventually {
                        (try? await watching.redis.run(
                            RegistryScripts.register, keys: [RegistryScripts.key(of: .commands)], arguments: ["x", "nonsense", "60000"],
                            within: .seconds(30))) != nil
                    }
                    group.addTask { try await watching.announce(.commands, at: two) }
                    #expect(await lists.next() == [two])
                    group.cancelAll()
                }
            }
        }
    }
}
