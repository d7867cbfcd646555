import EventLog
import EventSourcing
import FoundationEssentials
import Postgres
import Projections
import Publishing

/// A read model as `list` and `status` show it: its folder, and its state in the read database.
struct ReadModelReport: Sendable {
    let model: String
    let state: ReadModelState
    /// The folder's version; nil without a folder.
    let folderVersion: String?
    /// Why the folder is refused.
    let refusal: ReadModelError?
    /// The read database's record; nil if the model is unbuilt.
    let live: ReadModelStatus?
    /// Number of events that it has not applied.
    let lag: Int64
    /// How long the first of them has been waiting.
    let lagSeconds: Double

    /// Every model that has a folder or tables, in the order of their names.
    static func all(_ operation: Operation) async throws -> [ReadModelReport] {
        let folders = try operation.folders()
        return try await operation.withPool("read", operation.readModels) { read in
            try await operation.withPool("log", operation.databases.log.acting(as: "annals_projector")) { log in
                // The time of an event is not sealed, so no vault is needed.
                let store = PostgresEventStore(
                    log, head: HeadWatch(log, direct: operation.databases.logDirect, logger: operation.logger), vault: nil, hasher: nil,
                    catalog: .annals, logger: operation.logger)
                let head = try await store.head()
                let live = Dictionary(try await ReadModelStatus.readAll(from: read).map { ($0.model, $0) }, uniquingKeysWith: { first, _ in first })
                var versions: [String: String] = [:]
                var refusals: [String: ReadModelError] = [:]
                for (name, folder) in folders {
                    switch folder {
                    case .success(let model): versions[name] = try await model.version(by: read)
                    case .failure(let refusal): refusals[name] = refusal
                    }
                }
                var reports: [ReadModelReport] = []
                for model in Set(live.keys).union(folders.map(\.name)).sorted() {
                    let waiting = try await firstWaiting(live[model], in: store)
                    reports.append(
                        ReadModelReport(
                            model, folderVersion: versions[model], refusal: refusals[model], live: live[model], head: head, waiting: waiting))
                }
                return reports
            }
        }
    }

    private init(_ model: String, folderVersion: String?, refusal: ReadModelError?, live: ReadModelStatus?, head: Int64, waiting: Timestamp?) {
        self.model = model
        self.folderVersion = folderVersion
        self.refusal = refusal
        self.live = live
        lag = max(0, head - (live?.position ?? 0))
        let now = Timestamp.now
        lagSeconds = waiting.map { max(0, Double(now.milliseconds - $0.milliseconds) / 1000) } ?? 0
        state =
            if refusal != nil {
                .broken
            } else if let live {
                // The folder as it is now decides whether the model is stale.
                folderVersion.map { live.beside(folderVersion: $0).state(firstWaiting: waiting, at: now) } ?? .orphaned
            } else {
                .unbuilt
            }
    }

    private static func firstWaiting(_ live: ReadModelStatus?, in store: some EventStore) async throws -> Timestamp? {
        try await store.read(after: live?.position ?? 0, limit: 1).first?.recordedAt
    }
}
