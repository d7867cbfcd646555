import EventSourcing
import Glibc
import Logging
import Postgres
import ServiceLifecycle
import Synchronization

/// Runs each service as a process of its own, and starts it again whenever it ends.
final class Supervisor: Service {
    private struct State {
        var children: [Component: ChildProcess] = [:]
        /// Those that were ready at least once.
        var ready: Set<Component> = []
        var isStopping = false
    }

    /// A service that ends so often before all are ready ends the start.
    private static let attempts = 5
    /// Stopped in this order: a service goes after those that call it.
    private static let order: [Component] = [.gateway, .relay, .queries, .auth, .projector, .commands]
    /// How long one may take to stop: the time that it has itself, and some to close its connections.
    private let patience: Duration

    /// Starts the process of a service.
    typealias Spawn = @Sendable (Component, _ environment: [String: String]) throws -> ChildProcess

    private let environments: [Component: [String: String]]
    private let spawn: Spawn
    private let logger: Logger
    private let onReady: @Sendable () -> Void
    private let state = Mutex(State())
    private let stopping = Signal()
    /// Finished when a service was ready once.
    private let readiness = Dictionary(uniqueKeysWithValues: Component.allCases.map { ($0, Signal()) })

    /// - Parameters:
    ///   - environments: of each service's process.
    ///   - drainTimeout: the time that each has for requests under way.
    ///   - onReady: called once, when all are ready for the first time.
    init(
        _ environments: [Component: [String: String]], drainTimeout: Duration, logger: Logger,
        spawn: @escaping Spawn = { try ChildProcess(["serve", $0.rawValue, "--supervised"], environment: $1) },
        onReady: @escaping @Sendable () -> Void
    ) {
        self.environments = environments
        self.spawn = spawn
        patience = drainTimeout + .seconds(2)
        self.logger = logger
        self.onReady = onReady
    }

    /// Runs until told to stop; then stops them one after the other. Throws when one does not come up at all.
    func run() async throws {
        try await withGracefulShutdownHandler {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (component, environment) in environments { group.addTask { try await self.keep(component, environment) } }
                group.addTask { await self.stopInOrder() }
                do {
                    try await group.waitForAll()
                } catch {
                    stop()
                    // Services that still run are stopped before the reason is told.
                    while (try? await group.next()) != nil {}
                    throw error
                }
            }
        } onGracefulShutdown: {
            self.stop()
        }
    }

    private func stop() {
        state.withLock { $0.isStopping = true }
        stopping.finish()
    }

    /// Keeps one of them running.
    private func keep(_ component: Component, _ environment: [String: String]) async throws {
        // At the first start, after those that it asks at once; from then on they are up, or come back.
        for other in component.startsAfter {
            while !state.withLock({ $0.isStopping || $0.ready.contains(other) }) {
                _ = try await isDone(within: .milliseconds(100)) { [readiness] in try await readiness[other]?.wait() }
            }
        }
        var backoff = Backoff(from: .milliseconds(100), to: .seconds(5))
        var failures = 0
        while true {
            let begin = ContinuousClock.now
            let end: String
            do {
                guard let child = try start(component, environment) else { return }
                end = await self.end(of: child, component)
            } catch {
                // The machine may be short of processes or memory, which passes.
                end = (error as? Failure)?.message ?? "\(error)"
            }
            let (isStopping, isUp) = state.withLock { state in
                state.children[component] = nil
                return (state.isStopping, state.ready.count == environments.count)
            }
            if isStopping { return }
            failures += 1
            guard isUp || failures < Self.attempts else { throw Failure("the \(component.rawValue) service does not start: see the lines before") }
            logger.warning("a service has ended and is started again", metadata: ["service": "\(component.rawValue)", "by": "\(end)"])
            if ContinuousClock.now - begin > .seconds(10) { backoff.reset() }
            // A stop ends the pause.
            _ = try await isDone(within: backoff.next()) { [stopping] in try await stopping.wait() }
        }
    }

    /// Starts a service; nil when the system is stopping. A stop finds either the child or nothing to stop: never one that is just being started.
    private func start(_ component: Component, _ environment: [String: String]) throws -> ChildProcess? {
        try state.withLock { state in
            if state.isStopping { return nil }
            let child = try spawn(component, environment)
            state.children[component] = child
            return child
        }
    }

    /// Waits until a child has ended, and returns how.
    private func end(of child: ChildProcess, _ component: Component) async -> String {
        let end = Mutex("")
        await child.follow { event in
            switch event {
            case .line: self.noteReady(component)
            case .ended(let how): end.withLock { $0 = how }
            }
        }
        return end.withLock { $0 }
    }

    private func noteReady(_ component: Component) {
        let isFirst = state.withLock { state in
            let wasReady = state.ready.count == environments.count
            state.ready.insert(component)
            return !wasReady && state.ready.count == environments.count
        }
        readiness[component]?.finish()
        if isFirst { onReady() }
    }

    /// Waits for the stop, and then ends all of them, each after those that call it. One that takes too long is killed.
    private func stopInOrder() async {
        do { try await stopping.wait() } catch {
            // Cancelled: they are stopped all the same.
        }
        state.withLock { $0.isStopping = true }
        await onOwnThread("stop") { [self] in
            for component in Self.order {
                for number in [SIGTERM, SIGKILL] {
                    guard let child = state.withLock({ $0.children[component] }) else { break }
                    child.signal(number)
                    // A process that was stopped takes no other signal before this one.
                    child.signal(SIGCONT)
                    if child.waitForEnd(patience) { break }
                }
            }
        }
    }
}
