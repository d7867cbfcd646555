import AppendLines
import EventLog
import EventLogTesting
import EventSourcing
import FoundationEssentials
import Postgres
import TestSupport
import Testing

/// A log on three machines. Some of the stores reach it by the list of machines, and one by HAProxy where there is one.
struct ReplicatedLog: ReadableLog {
    let cluster: PatroniCluster
    private let database: ConnectionTarget
    let stores: [PostgresEventStore]
    let reader: PostgresEventStore

    static func with(_ network: PatroniCluster.Network, _ body: @escaping @Sendable (ReplicatedLog) async throws -> Void) async throws {
        try await PatroniCluster.with(network) { cluster in
            try await cluster.makeDatabase("annals_log")
            let listed = try ConnectionTarget(url: cluster.url("annals_log"))
            let other = try network == .loopback ? ConnectionTarget(url: cluster.proxiedURL("annals_log")) : listed
            _ = try await Migrator(directory: repositoryRoot + "/migrations/log", logger: TestCluster.logger).migrate(listed)
            try await PostgresEventStore.running(on: listed, Noted.catalog) { first in
                try await PostgresEventStore.running(on: other, Noted.catalog) { second in
                    try await PostgresEventStore.running(on: listed, Noted.catalog) { reader in
                        try await body(ReplicatedLog(cluster: cluster, database: listed, stores: [first, second], reader: reader))
                    }
                }
            }
        }
    }

    /// A round that went through a failure.
    struct Result {
        let round: Round
        let followed: [RecordedEvent]
        /// How long after the blow each store had its next append acknowledged.
        let absences: [Duration]
    }

    /// All writers write while a reader follows, and the primary is dealt a blow under way.
    func round(_ load: Load, seed: UInt64, blow: @escaping @Sendable (PatroniMachine) async throws -> Void) async throws -> Result {
        let start = try await patiently { try await reader.head() }
        let primary = try #require(await cluster.primary())
        let (book, follower) = (Book(), Follower(reader, after: start))
        var absences: [Duration] = []
        try await withThrowingTaskGroup(of: [Duration].self) { group in
            group.addTask {
                try await follower.run()
                return []
            }
            group.addTask {
                try await load.write(by: stores, seed: seed, into: book)
                return []
            }
            group.addTask {
                try await book.answered.reached(Int64(load.requests) / 3)
                let blown = ContinuousClock.now
                try await blow(primary)
                return try await returns(since: blown, to: book)
            }
            // The follower ends last.
            for _ in 1...2 { absences += try await group.next() ?? [] }
            // An append that a store has given up on comes before this.
            try await AppendLock.held(in: database) { _ in }
            try await follower.reached(try await patiently { try await reader.head() })
            group.cancelAll()
        }
        return Result(
            round: Round(start: start, calls: book.calls, events: try await events(after: start), isCalm: false), followed: follower.events,
            absences: absences)
    }

    private func returns(since blown: ContinuousClock.Instant, to book: Book) async throws -> [Duration] {
        try await withThrowingTaskGroup(of: Duration.self) { group in
            for store in stores {
                group.addTask {
                    let command = CommandReceipt.Key(id: .v7(), digest: [1])
                    let request = Noted.request(
                        [(StreamName("note", .v7()), .none, ["\(command.id.lowercased)/1/0"])], claims: [], command: command)
                    _ = try await book.append(request, by: store)
                    return .now - blown
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
    }

    /// The log of each machine, digested; one value when all have the same.
    func logs() async throws -> Set<String> {
        let head = try await patiently { try await reader.head() }
        var logs: Set<String> = []
        for machine in cluster.machines {
            var log = ""
            try await eventually(every: .milliseconds(100)) {
                // A standby may be on its way.
                let value = try? await machine.value(
                    """
                    SELECT coalesce(max(position), 0) || ' ' || count(DISTINCT position) || ' ' || count(*) || ' '
                        || md5(string_agg(concat_ws(' ', position, id, stream, version, data, metadata), ',' ORDER BY position))
                    FROM log.events
                    """, in: "annals_log")
                log = value ?? ""
                return log.hasPrefix("\(head) ")
            }
            logs.insert(log)
        }
        return logs
    }
}
