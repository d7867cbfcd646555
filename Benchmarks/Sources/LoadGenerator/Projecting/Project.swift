import ArgumentParser
import EventLog
import EventSourcing
import Logging
import Postgres
import Projections
import Publishing

/// Applies a whole log to new read models, as projectors do that have to catch up.
struct Project: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Makes read models and applies the log until they are current; prints the rate as JSON.")

    @OptionGroup var options: ReadOptions
    @Option(help: "A folder of read models.") var projections: String

    func run() async throws {
        let (options, projections) = (options, projections)
        let line = try await options.withLog { log in
            let head = try await log.head()
            let start = ContinuousClock.now
            try await Projectors.run(projections, options, log) { projectors in
                _ = try await projectors.positions.wait(for: head, models: projectors.models, timeout: .seconds(3_600))
            }
            return Measurement.line(events: head, elapsed: start.duration(to: .now))
        }
        print(line)
    }
}

/// Makes read models anew beside the live ones, all side by side.
struct Rebuild: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Rebuilds every read model of a folder side by side; prints the rate as JSON.")

    @OptionGroup var options: ReadOptions
    @Option(help: "A folder of read models.") var projections: String
    @Option(help: "Workers for each read model.") var workers: Int

    func run() async throws {
        let (options, projections, workers) = (options, projections, workers)
        let line = try await options.withLog { log in
            let head = try await log.head()
            let models = try ReadModel.loadAll(root: projections, catalog: .publishing)
            let maintenance = Maintenance(
                try options.target(), store: log, catalog: .publishing, readers: [], logger: Logger(label: "benchmark"))
            let start = ContinuousClock.now
            try await withThrowingTaskGroup(of: Void.self) { group in
                for model in models { group.addTask { _ = try await maintenance.rebuild(model, workers: workers) } }
                try await group.waitForAll()
            }
            return Measurement.line(events: head, elapsed: start.duration(to: .now))
        }
        print(line)
    }
}

/// The projectors of a folder at work, and who waits for them.
struct Projectors: Sendable {
    let models: [String]
    let positions: ReadModelPositions

    static func run<T: Sendable>(
        _ folder: String, _ options: ReadOptions, _ log: PostgresEventStore, _ body: @Sendable (Projectors) async throws -> T
    ) async throws -> T {
        let logger = Logger(label: "benchmark")
        let target = try options.target()
        return try await ConnectionPool.withPool(target, logger: logger) { pool in
            let group = try ProjectorGroup(folder: folder, target: target, pool: pool, store: log, catalog: .publishing, logger: logger)
            let positions = ReadModelPositions(pool, listeningOn: target, logger: logger)
            let value = try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask { try await group.run() }
                tasks.addTask { try await positions.run() }
                defer { tasks.cancelAll() }
                return try await body(Projectors(models: group.models, positions: positions))
            }
            await group.release()
            return value
        }
    }
}

extension Measurement {
    static func line(events: Int64, elapsed: Duration) -> String {
        let seconds = elapsed / .seconds(1)
        return "{\"rate\": \(Double(events) / seconds), \"seconds\": \(seconds)}"
    }
}
