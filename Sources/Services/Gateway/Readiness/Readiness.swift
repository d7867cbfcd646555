import HTTPContract
import HTTPTypes
package import Hummingbird
package import JSON
package import Logging
import NIOCore
import Synchronization

/// Whether requests can be served: each dependency asked side by side, and each service that depends on others of its own.
package struct Readiness: Sendable {
    /// One thing that requests depend on.
    package struct Check: Sendable {
        package let name: String
        /// Whether requests fail without it. All else is ready without the others.
        package let isRequired: Bool
        /// Returns when it answers; throws when it does not.
        package let probe: @Sendable () async throws -> Void

        package init(_ name: String, isRequired: Bool = true, probe: @escaping @Sendable () async throws -> Void) {
            self.name = name
            self.isRequired = isRequired
            self.probe = probe
        }
    }

    /// A service that requests depend on, and how it says whether it is ready.
    package struct Part: Sendable {
        /// Whether requests can be served without the part.
        package enum Need: Sendable {
            /// None can.
            case always
            /// Some can, as long as another part of this kind is up.
            case oneOfMany
            /// All that count can.
            case never
        }

        package let name: String
        package let need: Need
        package let report: @Sendable () async throws -> Report

        /// - Parameter report: throws when the service can't be reached.
        package init(_ name: String, need: Need = .always, report: @escaping @Sendable () async throws -> Report) {
            self.name = name
            self.need = need
            self.report = report
        }
    }

    /// How far the read models have come, and the log, as far as they are known here.
    package struct Progress: Sendable {
        package var projections: [Report.Projection] = []
        package var head: Int64?

        package init(projections: [Report.Projection] = [], head: Int64? = nil) {
            self.projections = projections
            self.head = head
        }
    }

    /// A dependency that takes longer counts as down.
    private static let patience = Duration.seconds(1)
    /// A service waits as long for its own, and has to answer.
    private static let patienceWithServices = Duration.milliseconds(1500)

    private let checks: [Check]
    private let parts: [Part]
    private let progress: (@Sendable () async throws -> Progress)?
    private let stuck: (@Sendable () async throws -> [String: [String]])?
    private let upstreams: @Sendable () -> [Upstream]
    private let logger: Logger
    private let probe: SingleFlight<Report>
    private let start = Start()

    /// - Parameters:
    ///   - parts: the services that this one hands requests on to.
    ///   - progress: asks how far read models and log are.
    ///   - stuck: asks for the ids of processes that make no progress, by their kinds.
    ///   - upstreams: how the instances of services of other processes do.
    ///   - now: nanoseconds of a clock that only goes forward.
    package init(
        checks: [Check], parts: [Part] = [], progress: (@Sendable () async throws -> Progress)? = nil,
        stuck: (@Sendable () async throws -> [String: [String]])? = nil, upstreams: @escaping @Sendable () -> [Upstream] = { [] }, logger: Logger,
        now: @escaping @Sendable () -> UInt64 = { NIODeadline.now().uptimeNanoseconds }
    ) {
        self.checks = checks
        self.parts = parts
        self.progress = progress
        self.stuck = stuck
        self.upstreams = upstreams
        self.logger = logger
        probe = SingleFlight(lifetime: .seconds(1), now: now)
    }

    /// 200 while everything required is there, else 503, with the report as body. It says that something is down, never why: anyone may ask. However
    /// many do, the dependencies are asked once a second at most. Nothing is ready in a process that is about to stop.
    package func response(_ drain: Drain? = nil) async throws -> Response {
        let report = drain?.hasBegun == true ? .stopping : try await report()
        var headers: HTTPFields = [.cacheControl: "no-store"]
        if !report.isReady { headers[.retryAfter] = "1" }
        return Answer.bytes(json: report.json, status: report.isReady ? .ok : .serviceUnavailable, headers: headers)
    }

    /// 200 once this process has been ready, whatever happens to its dependencies after that; until then 503 with the report of what is missing.
    package func startupResponse() async throws -> Response {
        if !start.isDone, try await !report().isReady { return try await response() }
        return Answer.bytes(json: Array(#"{"status":"started"}"#.utf8), headers: [.cacheControl: "no-store"])
    }

    /// The state of everything, not older than a second.
    package func report() async throws -> Report {
        let report = try await probe.outcome { await ask() }
        if report.isReady { start.finish() }
        return report
    }

    /// Whether the start is over, which is so once and for all.
    private final class Start: Sendable {
        private let done = Atomic<Bool>(false)

        var isDone: Bool { done.load(ordering: .relaxed) }

        func finish() { done.store(true, ordering: .relaxed) }
    }

    private func ask() async -> Report {
        async let own = failedChecks()
        async let found = read("projections' progress", progress)
        async let standing = read("processes", stuck)
        async let reports = partReports()
        var report = Report()
        for (part, found) in await zip(parts, reports) { report.note(part.name, found, isRequired: part.need == .always) }
        report.require(oneOf: parts.filter { $0.need == .oneOfMany }.map(\.name))
        let down = await own
        for check in checks { report.note(check.name, isUp: !down.contains(check.name), isRequired: check.isRequired) }
        if progress != nil { report.note(await found) }
        if stuck != nil { report.note(stuck: await standing) }
        report.note(upstreams())
        return report
    }

    private func failedChecks() async -> Set<String> {
        await withTaskGroup(of: String?.self) { group in
            for check in checks {
                group.addTask {
                    do {
                        try await Self.within(Self.patience, check.probe)
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

    /// In the order of the parts; nil for one that can't be reached.
    private func partReports() async -> [Report?] {
        await withTaskGroup(of: (Int, Report?).self) { group in
            for (place, part) in parts.enumerated() {
                group.addTask {
                    do {
                        return (place, try await Self.within(Self.patienceWithServices, part.report))
                    } catch {
                        logger.warning("a service does not say whether it is ready", metadata: ["service": "\(part.name)", "error": "\(error)"])
                        return (place, nil)
                    }
                }
            }
            return await group.reduce(into: parts.map { _ in nil }) { reports, found in reports[found.0] = found.1 }
        }
    }

    /// Nil when it can't be read, or not in time.
    private func read<Value: Sendable>(_ what: String, _ probe: (@Sendable () async throws -> Value)?) async -> Value? {
        guard let probe else { return nil }
        do {
            return try await Self.within(Self.patience, probe)
        } catch {
            logger.warning("the \(what) can't be read", metadata: ["error": "\(error)"])
            return nil
        }
    }

    private static func within<Value: Sendable>(
        _ patience: Duration, _ probe: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        try await withThrowingTaskGroup(of: Value.self) { group in
            group.addTask { try await probe() }
            group.addTask {
                try await Task.sleep(for: patience)
                throw Problem.timeout()
            }
            defer { group.cancelAll() }
            guard let value = try await group.next() else { throw CancellationError() }
            return value
        }
    }
}
