import Audit
import EventLog
import EventLogTesting
import EventSourcing
import FoundationEssentials
import JSON
import Logging
import Postgres
import TestSupport

/// A log on real PostgreSQL with an audit key of its own.
struct AuditedLog: Sendable {
    let log: LogUnderTest
    let folder: String

    static let catalog = EventCatalog([EventSchema("Said", in: "note", [.open("by", .id), .open("number", .integer), .personal("words")])])

    static func open(_ body: @Sendable (AuditedLog) async throws -> Void) async throws {
        try await LogUnderTest.open(catalog) { log in
            try await withFolder { try await body(AuditedLog(log: log, folder: $0)) }
        }
    }

    var keyFile: AuditKeyFile { AuditKeyFile(folder + "/audit.key") }

    var signer: NoteSigner { get throws { try keyFile.open(origin: "example.org/log") } }

    /// Appends that many events, a hundred a request; returns the log's head.
    @discardableResult func append(_ count: Int, by subject: UUID? = nil) async throws -> Int64 {
        let stream = StreamName("note", .v7())
        for first in stride(from: 0, to: count, by: 100) {
            let events = (first..<min(first + 100, count)).map { number in
                var data: JSONObject = ["by": .string((subject ?? stream.id).lowercased), "number": .integer(Int64(number))]
                if subject != nil { data["words"] = .string("words \(number)") }
                return NewEvent(type: "Said", schemaVersion: 1, data: data)
            }
            let key = CommandReceipt.Key.unrepeated()
            _ = try await log.store.append(
                AppendRequest(
                    [StreamAppend(events, to: stream, expecting: .any, sealedFor: subject)], claims: [], command: key,
                    metadata: EventMetadata(actor: subject, command: key.id)))
        }
        return try await log.store.head()
    }

    /// Runs `body` beside a follower, in this or another process's place.
    func following<Value: Sendable>(
        as signer: NoteSigner? = nil, file: LastCheckpointFile? = nil, pace: MerkleFollower.Pace = .hurried,
        by clock: any Clock<Duration> = ContinuousClock(), logger: Logger = TestCluster.logger,
        _ body: @escaping @Sendable (MerkleFollower) async throws -> Value
    ) async throws -> Value {
        let signer = try signer ?? self.signer
        let file = file ?? keyFile.lastCheckpoint
        return try await log.withPool(as: "annals_projector") { pool in
            let follower = MerkleFollower(pool, wokenBy: log.store, signer: signer, file: file, pace: pace, clock: clock, logger: logger)
            return try await withThrowingTaskGroup(of: Value?.self) { group in
                group.addTask {
                    try await follower.run()
                    return nil
                }
                group.addTask { try await body(follower) }
                while let ended = try await group.next() {
                    guard let value = ended else { continue }
                    group.cancelAll()
                    while let rest = await group.nextResult() { _ = rest }
                    await follower.release()
                    return value
                }
                throw CancellationError()
            }
        }
    }

    /// Lets a follower sign everything there is.
    @discardableResult func catchUp() async throws -> SignedCheckpoint {
        let head = try await log.store.head()
        try await following { follower in try await covered(head, by: follower) }
        guard let checkpoint = try await merkle({ try await $0.checkpoint() }) else { throw MerkleStop.treeDamaged(reason: "nothing was signed") }
        return checkpoint
    }

    /// Returns once a checkpoint covers the position; throws why the follower has stopped.
    func covered(_ position: Int64, by follower: MerkleFollower) async throws {
        try await merkle { log in
            try await eventually {
                try follower.confirmRunning()
                return try await log.coveredPosition() >= position
            }
        }
    }

    /// Returns once the follower has stopped.
    func stopped(_ follower: MerkleFollower) async throws -> MerkleStop {
        try await eventually { if case .stopped = follower.status { true } else { false } }
        guard case .stopped(let reason) = follower.status else { throw CancellationError() }
        return reason
    }

    func merkle<Value: Sendable>(_ body: @Sendable (MerkleLog) async throws -> Value) async throws -> Value {
        try await log.withPool(as: "annals_commands") { try await body(MerkleLog($0)) }
    }

    /// The findings of `annals audit verify`.
    func audit(_ witnessed: [SignedCheckpoint] = [], keys: [NoteVerifier]? = nil, retired: [NoteVerifier] = []) async throws -> AuditReport {
        let keys = try keys ?? [signer.verifier]
        return try await log.withPool(as: "annals_projector") { pool in
            let witnessed = witnessed.map { LogAudit.Witnessed($0, name: "the auditor's checkpoint") }
            return try await LogAudit(pool, keys: keys, retired: retired, witnessed: witnessed).run()
        }
    }

    /// Goes up with each attempt of a follower.
    func leaseToken() async throws -> Int64 {
        Int64(try await log.value("SELECT lease_token FROM log.merkle_head")) ?? 0
    }

    /// Runs SQL as a superuser who has switched the triggers off.
    func tamper(_ sql: String) async throws {
        try await log.run("ALTER TABLE log.events DISABLE TRIGGER ALL; ALTER TABLE log.merkle_checkpoints DISABLE TRIGGER ALL; \(sql)")
    }
}

extension MerkleFollower.Pace {
    /// Nothing waits for it.
    static let hurried = MerkleFollower.Pace(pause: .milliseconds(1), look: .milliseconds(5))

    init(pause: Duration, look: Duration) {
        self.init()
        self.pause = pause
        self.look = look
    }
}

/// A folder for one test.
func withFolder<Value>(_ body: (String) async throws -> Value) async throws -> Value {
    let path = FileManager.default.temporaryDirectory.path + "/annals-audit-" + UUID().lowercased
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try await body(path)
}
