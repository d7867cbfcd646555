import ArgumentParser
import FoundationEssentials
import Glibc
import JSON
import Logging
import Postgres
import PrivatePostgres
import Projections

/// `annals doctor`: looks at everything that a start looks at, and at what only time brings about.
struct Doctor: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Look for what is wrong with a system or soon will be, and say what to do.",
        discussion: """
            It changes nothing, and goes through the log once. Exit codes: 0 for nothing to do, 3 when something is to be done.
            """)

    @OptionGroup var flags: SettingsFlags

    @Flag(help: "Print JSON.")
    var json = false

    @Flag(help: "Print only what is to be done.")
    var quiet = false

    func run() async throws {
        let settings = try await Settings.read(flags)
        var silent = Logger(label: "annals") { _ in SwiftLogNoOpLogHandler() }
        silent.logLevel = .critical
        let findings = await Examination(settings: settings, logger: silent).findings()
        let shown = quiet ? findings.filter { $0.grade == .warning || $0.grade == .broken } : findings
        if json {
            printLine(JSONValue.object(["findings": .array(shown.map(\.json))]).serialized)
        } else {
            var table = TextTable("GRADE", "CHECK", "SUBJECT", "FINDING")
            for finding in shown { table.add(finding.grade.rawValue, finding.check, finding.subject, finding.line) }
            table.lines.forEach(printLine)
        }
        let count = findings.count { $0.grade == .warning || $0.grade == .broken }
        if count > 0 { throw Failure("\(count) \(count == 1 ? "finding" : "findings") to act on", code: .difference) }
    }
}

/// One look at a whole system.
private struct Examination {
    let settings: Settings
    let logger: Logger

    func findings() async -> [Finding] {
        var findings = configuration()
        var directory: DataDirectory?
        do {
            let existing = try DataDirectory.existing(settings.dataDirectory)
            try existing.requirePrivateKeys(logger)
            directory = existing
            findings.append(Finding("data folder", settings.dataDirectory, .fine, "is there and private"))
        } catch {
            findings.append(Finding("data folder", settings.dataDirectory, error))
        }
        findings += disk()
        do {
            let databases = try databases()
            let reached = await reach(databases, &findings)
            for (name, target) in reached { await examine(name, target, databases, &findings) }
            if reached.count == databases.all.count, let directory {
                let files = KeyFiles(settings: settings, directory: directory, logger: logger)
                await attempt("keys", "vault", &findings) {
                    try await InstallationKeys(files: files, databases: databases, isReplacing: false).findings()
                }
            }
        } catch {
            findings.append(Finding("reachability", "databases", error))
        }
        return findings
    }

    private func configuration() -> [Finding] {
        if settings.complaints.isEmpty { return [Finding("settings", "configuration", .fine, "\(settings.table.count) settings, all known")] }
        return settings.complaints.map { Finding("settings", "configuration", .warning, $0, remedy: "correct or remove it") }
    }

    private func databases() throws -> Databases {
        if let urls = settings.databases { return try Databases(urls) }
        guard let location = PrivateServer.locate(directory: settings.dataDirectory + "/postgres") else {
            throw Failure("no system is running on \(settings.dataDirectory), so its databases can't be looked at: start it")
        }
        return Databases { location.target(database: $0) }
    }

    /// The databases that answer.
    private func reach(_ databases: Databases, _ findings: inout [Finding]) async -> [(name: String, target: ConnectionTarget)] {
        var reached: [(name: String, target: ConnectionTarget)] = []
        for (name, target) in databases.all {
            let primary = name == "read" ? databases.readDirect : target
            await attempt("reachability", name, &findings) {
                try await databases.withPool(name, primary, logger: logger) { _ in }
                return [Finding("reachability", name, .fine, "answers at \(primary.redacted)")]
            }
            if findings.last?.grade == .fine { reached.append((name, primary)) }
        }
        return reached
    }

    private func examine(_ name: String, _ target: ConnectionTarget, _ databases: Databases, _ findings: inout [Finding]) async {
        await attempt("database", name, &findings) { try await DatabaseCheck(name: name, target: target, logger: logger).findings() }
        await attempt("migrations", name, &findings) { try await migrations(name, target) }
        await attempt("database", name, &findings) {
            try await databases.withPool(name, target, logger: logger) { pool in
                try await StoredHealth(name: name, pool: pool).findings() + StoredGuards(name: name, pool: pool).findings()
            }
        }
        if name == "log" {
            await attempt("log", name, &findings) {
                try await databases.withPool(name, target, logger: logger) { try await LogHealth(pool: $0).findings() }
            }
            // A server elsewhere is backed up by whoever runs it.
            if settings.databases == nil {
                await attempt("backup", name, &findings) {
                    try await databases.withPool(name, target, logger: logger) { pool in
                        try await BackupHealth(folder: settings.backups, server: settings.dataDirectory + "/postgres", pool: pool).findings()
                    }
                }
            }
        }
        if name == "read" {
            await attempt("read models", name, &findings) {
                try await databases.withPool(name, target.acting(as: "annals_queries"), logger: logger) { pool in
                    try await ReadModelStatus.readAll(from: pool).map(Finding.init)
                }
            }
        }
    }

    private func migrations(_ name: String, _ target: ConnectionTarget) async throws -> [Finding] {
        let migrator = try Migrator(directory: Installation.locate(settings).migrations(name), logger: logger)
        return try await migrator.status(target).map { status in
            switch status.state {
            case .applied: Finding("migrations", name, .fine, status.name)
            case .pending: Finding("migrations", name, .warning, "\(status.name) is not applied", remedy: "run annals migrate")
            case .edited:
                Finding("migrations", name, .broken, "\(status.name) was changed after it was applied", remedy: "put the file back as it was")
            case .unknown: Finding("migrations", name, .broken, "\(status.name) is of another build", remedy: "run the build that made it")
            }
        }
    }

    /// The disk of the data folder. That of a server elsewhere is not seen from here.
    private func disk() -> [Finding] {
        var status = statvfs()
        guard statvfs(settings.dataDirectory, &status) == 0 else { return [] }
        let block = UInt64(status.f_frsize)
        let (free, all) = (UInt64(status.f_bavail) * block, UInt64(status.f_blocks) * block)
        let share = all == 0 ? 0 : Int(free * 100 / all)
        let message = "\(free >> 20) MiB are free, \(share) %"
        let remedy = "make room, or move the data folder: without space nothing is appended, and /ready says so"
        if free < 64 << 20 { return [Finding("disk", settings.dataDirectory, .broken, message, remedy: remedy)] }
        if free < 1 << 30 || share < 5 { return [Finding("disk", settings.dataDirectory, .warning, message, remedy: remedy)] }
        return [Finding("disk", settings.dataDirectory, .fine, message)]
    }

    private func attempt(_ check: String, _ subject: String, _ findings: inout [Finding], _ body: () async throws -> [Finding]) async {
        do { findings += try await body() } catch { findings.append(Finding(check, subject, error)) }
    }
}

extension Finding {
    /// How a read model stands.
    fileprivate init(_ status: ReadModelStatus) {
        if let reason = status.stoppedReason {
            self.init(
                "read models", status.model, .broken, "its projector has stopped: \(reason)", remedy: "run annals projections rebuild \(status.model)"
            )
        } else if let position = status.failingAt {
            self.init(
                "read models", status.model, .broken, "the event at position \(position) can't be read or is refused",
                remedy: "the projector's log says why")
        } else if status.parkedStreams > 0 {
            self.init(
                "read models", status.model, .warning, "\(status.parkedStreams) streams wait behind an event that could not be applied",
                remedy: "run annals projections parked list")
        } else if status.isStale {
            self.init(
                "read models", status.model, .warning, "its folder has changed since its tables were made",
                remedy: "run annals projections rebuild \(status.model)")
        } else if status.leaseHolder == nil {
            self.init("read models", status.model, .warning, "no projector keeps it current", remedy: "start a projector")
        } else {
            self.init("read models", status.model, .fine, "at position \(status.position)")
        }
    }
}
