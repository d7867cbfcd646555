package import JSON

extension Readiness {
    /// The findings: the body of `/ready`. Services send theirs to the gateway, which makes one of all.
    ///
    /// `{"status", "services"?: {name: {"status"}}, "checks": {name: {"status"}}, "projections": {name: {"position", "lag"?, "status", "parked"}},
    /// "stuck"?: {kind: {"count", "processes"?: [id]}}, "upstreams"?: {name: {"status", "instances", "open", "halfOpen", "ejected"}}, "head"?}`
    package struct Report: Sendable {
        /// How far a projection has come.
        package struct Projection: Sendable {
            package let name: String
            package let position: Int64
            /// `current`, or what keeps it from being that, in one word.
            package let state: String
            /// Streams that wait behind an event that could not be applied.
            package let parked: Int

            package init(name: String, position: Int64, state: String = "current", parked: Int = 0) {
                self.name = name
                self.position = position
                self.state = state
                self.parked = parked
            }
        }

        /// The processes of one kind that make no progress.
        fileprivate struct Stuck: Sendable {
            /// How many of them are named.
            static let named = 10

            let kind: String
            let count: Int
            var ids: [String] = []
        }

        /// Whether requests can be served.
        package private(set) var isReady = true
        private var services: [(name: String, isUp: Bool)] = []
        private var checks: [(name: String, isUp: Bool)] = []
        private var projections: [Projection] = []
        private var stuck: [Stuck] = []
        private var upstreams: [Readiness.Upstream] = []
        /// The log's last position, where it is known.
        private var head: Int64?
    }
}

extension Readiness.Report {
    /// The report of a process that is about to stop.
    static var stopping: Self {
        var report = Self()
        report.isReady = false
        return report
    }

    /// Adds the report of a service that stands behind this one; nil for one that can't be reached.
    mutating func note(_ service: String, _ report: Self?, isRequired: Bool) {
        let isUp = report?.isReady ?? false
        services.append((service, isUp))
        if isRequired, !isUp { isReady = false }
        guard let report else { return }
        for check in report.checks { note(check.name, isUp: check.isUp, isRequired: false) }
        // Anybody may ask the gateway. Which processes they are is for those who may ask the service itself.
        stuck += report.stuck.map { Stuck(kind: $0.kind, count: $0.count) }
        projections += report.projections
        head = report.head ?? head
    }

    /// Nothing is ready while all of these services are down, if there are any.
    mutating func require(oneOf names: [String]) {
        if !names.isEmpty, !services.contains(where: { $0.isUp && names.contains($0.name) }) { isReady = false }
    }

    /// Adds a check. What several depend on is up when it is for all of them.
    mutating func note(_ name: String, isUp: Bool, isRequired: Bool) {
        if isRequired, !isUp { isReady = false }
        if let place = checks.firstIndex(where: { $0.name == name }) {
            checks[place].isUp = checks[place].isUp && isUp
        } else {
            checks.append((name, isUp))
        }
    }

    /// Adds how the instances of other processes' services do. While any service can be called its calls are answered.
    mutating func note(_ upstreams: [Readiness.Upstream]) {
        self.upstreams = upstreams
        if !upstreams.isEmpty, !upstreams.contains(where: \.isUp) { isReady = false }
    }

    /// Adds the processes that make no progress, by their kinds; nil when that can't be read. Requests are served all the same.
    mutating func note(stuck found: [String: [String]]?) {
        note("processes", isUp: found?.isEmpty ?? false, isRequired: false)
        for (kind, ids) in (found ?? [:]).sorted(by: { $0.key < $1.key }) {
            stuck.append(Stuck(kind: kind, count: ids.count, ids: Array(ids.prefix(Stuck.named))))
        }
    }

    /// Adds how far read models and log are; nil when that can't be read.
    mutating func note(_ progress: Readiness.Progress?) {
        guard let progress else { return note("projections", isUp: false, isRequired: true) }
        projections += progress.projections
        head = progress.head ?? head
    }
}

extension Readiness.Report {
    var json: [UInt8] {
        var writer = JSONWriter()
        writer.object {
            $0.name("status")
            $0.string(isReady ? "ready" : "unavailable")
            if !services.isEmpty { Self.write("services", services, to: &$0) }
            Self.write("checks", checks, to: &$0)
            $0.name("projections")
            $0.object { for projection in projections { Self.write(projection, head: head, to: &$0) } }
            if !stuck.isEmpty {
                $0.name("stuck")
                $0.object { for kind in stuck { Self.write(kind, to: &$0) } }
            }
            if !upstreams.isEmpty {
                $0.name("upstreams")
                $0.object { for upstream in upstreams { Self.write(upstream, to: &$0) } }
            }
            guard let head else { return }
            $0.name("head")
            $0.integer(head)
        }
        return writer.bytes
    }

    /// Reads the report of another process; nil when it is none.
    package init?(_ json: JSONValue) {
        guard let status = json["status"]?.text, let checks = json["checks"]?.members, let projections = json["projections"]?.members else {
            return nil
        }
        isReady = status == "ready"
        self.checks = checks.list.map { ($0.name, $0.value["status"] == .string("up")) }
        self.projections = projections.list.map {
            Projection(
                name: $0.name, position: $0.value["position"]?.int ?? 0, state: $0.value["status"]?.text ?? "unknown",
                parked: Int($0.value["parked"]?.int ?? 0))
        }
        stuck = json["stuck"]?.members.map { $0.list.map { Stuck(kind: $0.name, count: Int($0.value["count"]?.int ?? 0)) } } ?? []
        head = json["head"]?.int
    }

    private static func write(_ stuck: Stuck, to writer: inout JSONWriter) {
        writer.name(stuck.kind)
        writer.object {
            $0.name("count")
            $0.integer(Int64(stuck.count))
            guard !stuck.ids.isEmpty else { return }
            $0.name("processes")
            $0.array { for id in stuck.ids { $0.string(id) } }
        }
    }

    private static func write(_ name: String, _ states: [(name: String, isUp: Bool)], to writer: inout JSONWriter) {
        writer.name(name)
        writer.object {
            for state in states {
                $0.name(state.name)
                $0.object {
                    $0.name("status")
                    $0.string(state.isUp ? "up" : "down")
                }
            }
        }
    }

    private static func write(_ upstream: Readiness.Upstream, to writer: inout JSONWriter) {
        writer.name(upstream.name)
        writer.object {
            $0.name("status")
            $0.string(upstream.isUp ? "up" : "down")
            for (name, count) in [
                ("instances", upstream.instances), ("open", upstream.open), ("halfOpen", upstream.halfOpen), ("ejected", upstream.ejected),
            ] {
                $0.name(name)
                $0.integer(count)
            }
        }
    }

    private static func write(_ projection: Projection, head: Int64?, to writer: inout JSONWriter) {
        writer.name(projection.name)
        writer.object {
            $0.name("position")
            $0.integer(projection.position)
            if let head {
                // Events that it has not applied yet.
                $0.name("lag")
                $0.integer(max(0, head - projection.position))
            }
            $0.name("status")
            $0.string(projection.state)
            $0.name("parked")
            $0.integer(Int64(projection.parked))
        }
    }
}
