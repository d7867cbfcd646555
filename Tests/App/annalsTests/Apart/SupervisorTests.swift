import Glibc
import Synchronization
import TestSupport
import Testing

@testable import annals

@Suite(.timeLimit(.minutes(30))) struct `A supervised service` {
    /// A supervisor of two services, whose processes are shells that say that they are ready and wait. It is stopped after `body`.
    private func supervise(
        spawn: @escaping @Sendable (_ component: Component, _ number: Int, Children) throws -> ChildProcess, log: SpokenLog = SpokenLog(),
        _ body: (Children) async throws -> Void
    ) async throws {
        let children = Children()
        let isUp = Atomic(false)
        let supervisor = Supervisor(
            [.auth: [:], .projector: [:]], drainTimeout: .seconds(2), logger: log.logger,
            spawn: { component, _ in try children.add(component) { try spawn(component, $0, children) } },
            onReady: { isUp.store(true, ordering: .relaxed) })
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await supervisor.run() }
            try await eventually { isUp.load(ordering: .relaxed) }
            try await body(children)
            group.cancelAll()
            do { try await group.waitForAll() } catch is CancellationError {
                // By this test.
            }
        }
        for child in children.all { #expect(child.waitForEnd(.zero)) }
    }

    private static func shell() throws -> ChildProcess {
        try ChildProcess(["-c", "echo ready; exec cat"], environment: ["PATH": "/usr/bin:/bin"], program: "/bin/sh")
    }

    @Test func `is started again also when that fails at first, once all were ready`() async throws {
        let log = SpokenLog()
        try await supervise(
            spawn: { component, number, _ in
                if component == .auth, 2...8 ~= number { throw Failure("a service can't be started: Resource temporarily unavailable") }
                return try Self.shell()
            }, log: log
        ) { children in
            children[.auth].first?.signal(SIGKILL)
            try await eventually { children[.auth].count == 2 }
        }
        #expect(log.text.contains("Resource temporarily unavailable"))
    }

    @Test func `does not outlive a stop that comes while it is being started`() async throws {
        let isStarting = Atomic(false)
        try await supervise(
            spawn: { component, number, children in
                if component == .auth, number == 2 {
                    isStarting.store(true, ordering: .relaxed)
                    // The stop, if it can go on, stops the other service after this one.
                    _ = children[.projector].first?.waitForEnd(.seconds(1))
                }
                return try Self.shell()
            }
        ) { children in
            children[.auth].first?.signal(SIGKILL)
            try await eventually { isStarting.load(ordering: .relaxed) }
        }
    }

    /// The processes that were started.
    private final class Children: Sendable {
        private let started = Mutex<[Component: [ChildProcess]]>([:])
        private let attempts = Mutex<[Component: Int]>([:])

        subscript(component: Component) -> [ChildProcess] { started.withLock { $0[component] ?? [] } }
        var all: [ChildProcess] { started.withLock { $0.values.flatMap(\.self) } }

        /// - Parameter spawn: is told which attempt at the service it is.
        func add(_ component: Component, _ spawn: (Int) throws -> ChildProcess) throws -> ChildProcess {
            let number = attempts.withLock { attempts in
                attempts[component, default: 0] += 1
                return attempts[component] ?? 0
            }
            let child = try spawn(number)
            started.withLock { $0[component, default: []].append(child) }
            return child
        }
    }
}
