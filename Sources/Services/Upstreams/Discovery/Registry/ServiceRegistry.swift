package import Logging
package import PublishingAPI
package import Redis
import Synchronization

/// Instances that are registered in Redis. While Redis is away, and while it has nobody, those known last stay: callers notice by themselves when
/// nobody is there.
package struct ServiceRegistry: Discovery {
    struct Settings: Sendable {
        /// How long an instance is believed after it last said that it is there, and how often it does.
        var lifetime: Duration = .seconds(10)
        var beat: Duration = .seconds(3)
        /// How often the lists are read when no change is told.
        var look: Duration = .seconds(2)
        /// How long Redis has to answer.
        var patience: Duration = .seconds(1)
    }

    let redis: RedisClient
    let settings: Settings
    let logger: Logger
    private let services: [ServiceName]
    private let lists = InstanceLists()

    /// - Parameter services: those that are followed.
    package init(_ redis: RedisClient, following services: [ServiceName], logger: Logger) {
        self.init(redis, following: services, Settings(), logger: logger)
    }

    init(_ redis: RedisClient, following services: [ServiceName], _ settings: Settings, logger: Logger) {
        self.redis = redis
        self.services = services
        self.settings = settings
        self.logger = logger
    }

    package func instances(of service: ServiceName) -> AsyncStream<[Instance]> { lists.changes(of: service) }

    package func run() async throws {
        let (looks, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let connections = Connections()
        try await withThrowingTaskGroup { group in
            group.addTask {
                let subscriber = RedisSubscriber(redis.target, channels: [RegistryScripts.channel], limits: redis.limits, logger: logger)
                try await subscriber.run { event in
                    if event == .connected { connections.note() }
                    continuation.yield()
                }
            }
            group.addTask {
                while true {
                    continuation.yield()
                    try await Task.sleep(for: settings.look)
                }
            }
            defer { group.cancelAll() }
            for await _ in looks {
                for service in services {
                    // A Redis that was started again has forgotten everybody: who is missing may just not have come back yet.
                    let isComplete = !connections.hasReturned(within: settings.lifetime)
                    connections.note(isRead: await look(at: service, isComplete: isComplete))
                }
            }
            try Task.checkCancellation()
        }
    }

    /// Whether Redis has answered.
    private func look(at service: ServiceName, isComplete: Bool) async -> Bool {
        do throws(RedisError) {
            let reply = try await redis.run(
                RegistryScripts.list, keys: [RegistryScripts.key(of: service)], arguments: [], within: settings.patience)
            guard let addresses = reply.array else { throw .unreadable("a list was expected") }
            // Only this program writes these keys, so anything else is a stranger's.
            let found = addresses.compactMap { address in address.text.flatMap { Instance(parsing: $0[...]) } }
            if !found.isEmpty { lists.found(found + (isComplete ? [] : lists.known(of: service)), of: service) }
            return true
        } catch {
            // The client tells of its outages itself.
            logger.debug("the registry can't be read: the instances known last stay", metadata: ["service": "\(service)", "reason": "\(error)"])
            return false
        }
    }
}

/// How often Redis was connected to, or did not answer any more, and when last.
private final class Connections: Sendable {
    private struct State {
        var count = 0
        var hasAnswered = false
        var last = ContinuousClock.now

        mutating func note() {
            count += 1
            last = .now
        }
    }

    private let state = Mutex(State())

    func note() { state.withLock { $0.note() } }

    /// The connection that the lists are read over may be back before the one that tells of changes.
    func note(isRead: Bool) {
        state.withLock { state in
            if isRead { state.hasAnswered = true } else if state.hasAnswered { state.note() }
        }
    }

    func hasReturned(within time: Duration) -> Bool { state.withLock { $0.count > 1 && .now < $0.last + time } }
}
