import EventSourcing
import HTTPContract
import HTTPTypes
import Hummingbird
import JSON
package import Logging
import NIOCore

/// Whether requests can be served: each dependency asked side by side, each projection's lag named.
package struct Readiness: Sendable {
    /// One thing that requests depend on.
    package struct Check: Sendable {
        package let name: String
        /// Whether requests fail without it. The gateway is ready without the others.
        package let isRequired: Bool
        /// Returns when it answers; throws when it does not.
        package let probe: @Sendable () async throws -> Void

        package init(_ name: String, isRequired: Bool = true, probe: @escaping @Sendable () async throws -> Void) {
            self.name = name
            self.isRequired = isRequired
            self.probe = probe
        }
    }

    /// How far a projection has come.
    package struct Projection: Sendable {
        package let name: String
        package let position: Int64
        /// Events that it has not applied yet.
        package let lag: Int64
        /// `current`, or what keeps it from being that, in one word.
        package let state: String
        /// Streams that wait behind an event that could not be applied.
        package let parked: Int

        package init(name: String, position: Int64, lag: Int64, state: String = "current", parked: Int = 0) {
            self.name = name
            self.position = position
            self.lag = lag
            self.state = state
            self.parked = parked
        }
    }

    private let checks: [Check]
    private let projections: @Sendable () async throws -> [Projection]
    private let logger: Logger
    private let probe: SingleFlight<Outcome>

    /// - Parameter now: nanoseconds of a clock that only goes forward.
    package init(
        checks: [Check], projections: @escaping @Sendable () async throws -> [Projection] = { [] }, logger: Logger,
        now: @escaping @Sendable () -> UInt64 = { NIODeadline.now().uptimeNanoseconds }
    ) {
        self.checks = checks
        self.projections = projections
        self.logger = logger
        probe = SingleFlight(lifetime: .seconds(1), now: now)
    }

    /// The result of asking everything once.
    private struct Outcome: Sendable {
        let down: Set<String>
        let progress: [Projection]?
    }

    /// 200 while every required check passes, else 503: `{"status", "checks": {name: {"status"}}, "projections": {name: {"position", "lag", "status",
    /// "parked"}}}`. Says that something is down, never why: anyone may ask. However many do, the dependencies are asked once a second at most.
    func response() async throws -> Response {
        let outcome = try await probe.outcome { Outcome(down: await failedChecks(), progress: await readProgress()) }
        let (down, progress) = (outcome.down, outcome.progress)
        let isReady = progress != nil && !checks.contains { $0.isRequired && down.contains($0.name) }
        var writer = JSONWriter()
        writer.object {
            $0.name("status")
            $0.string(isReady ? "ready" : "unavailable")
            $0.name("checks")
            $0.object {
                for check in checks { Self.write(check.name, isUp: !down.contains(check.name), to: &$0) }
                if progress == nil { Self.write("projections", isUp: false, to: &$0) }
            }
            $0.name("projections")
            $0.object { for projection in progress ?? [] { Self.write(projection, to: &$0) } }
        }
        var headers: HTTPFields = [.cacheControl: "no-store"]
        if !isReady { headers[.retryAfter] = "1" }
        return Answer.bytes(json: writer.bytes, status: isReady ? .ok : .serviceUnavailable, headers: headers)
    }

    private func failedChecks() async -> Set<String> {
        await withTaskGroup(of: String?.self) { group in
            for check in checks {
                group.addTask {
                    do {
                        try await Self.inTime(check.probe)
                        return nil
                    } catch {
                        logger.warning("a dependency does not answer", metadata: ["check": "\(check.name)", "error": "\(error)"])
                        return check.name
                    }
                }
            }
            return await group.reduce(into: []) { failed, name in if let name { failed.insert(name) } }
        }
    }

    private func readProgress() async -> [Projection]? {
        do {
            return try await Self.inTime(projections)
        } catch {
            logger.warning("the projections' progress can't be read", metadata: ["error": "\(error)"])
            return nil
        }
    }

    /// A dependency that takes longer than a second counts as down.
    private static func inTime<Value: Sendable>(_ probe: @escaping @Sendable () async throws -> Value) async throws -> Value {
        try await withThrowingTaskGroup(of: Value.self) { group in
            group.addTask { try await probe() }
            group.addTask {
                try await Task.sleep(for: .seconds(1))
                throw Problem.timeout()
            }
            defer { group.cancelAll() }
            guard let value = try await group.next() else { throw CancellationError() }
            return value
        }
    }

    private static func write(_ name: String, isUp: Bool, to writer: inout JSONWriter) {
        writer.name(name)
        writer.object {
            $0.name("status")
            $0.string(isUp ? "up" : "down")
        }
    }

    private static func write(_ projection: Projection, to writer: inout JSONWriter) {
        writer.name(projection.name)
        writer.object {
            $0.name("position")
            $0.integer(projection.position)
            $0.name("lag")
            $0.integer(projection.lag)
            $0.name("status")
            $0.string(projection.state)
            $0.name("parked")
            $0.integer(Int64(projection.parked))
        }
    }
}
