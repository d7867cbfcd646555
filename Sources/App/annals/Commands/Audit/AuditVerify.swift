import ArgumentParser
import Audit
import JSON
import Postgres

/// `annals audit verify`: checks the log, or an export of it, against the signed checkpoints.
struct AuditVerify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Check the log, or an export with proofs, against the signed checkpoints.",
        discussion: """
            Without a file it reads the whole log and checks every leaf, every stored tile and checkpoint, and the checkpoint in the file \
            beside this installation's key. With a file it needs no database. Exit code 0 if everything matches; 3 if something differs, with the \
            first position that does.
            """)

    @OptionGroup var flags: SettingsFlags

    @Argument(help: "An export with proofs, from \(CommandName.of("audit export --proofs")).")
    var file: String?

    @Option(
        help: """
            A file with a checkpoint that you have and that the log or the export must extend. An export needs: \
            \(CommandName.of("audit export --proofs --against")).
            """)
    var checkpoint: String?

    @Option(
        help: """
            The log's public key as `\(CommandName.of("audit key"))` prints it, or a file with it. Can be given more than once. \
            (this installation's)
            """
    )
    var key: [String] = []

    func run() async throws {
        let own = try checkpoint.map { (name: $0, checkpoint: try readCheckpoint($0)) }
        if let file { try await verify(export: file, own?.checkpoint) } else { try await verifyLog(own, on: try await Operation.begin(flags)) }
    }

    private func verify(export file: String, _ own: SignedCheckpoint?) async throws {
        let keys = try key.isEmpty ? [try await Settings.read(flags).auditVerifier()] : key.map(Self.verifier)
        let bar = ProgressBar("verify")
        let result = await onOwnThread("audit-verify") {
            Result { try ExportAudit(keys: keys, witnessed: own).run(file) { bar.update(completed: Int($0)) } }
        }
        let report: ExportAudit.Report
        do {
            report = try result.get()
        } catch let error as AuditFileError {
            throw Failure("\(error)")
        } catch let error as ExportAudit.Incomparable {
            throw Failure("\(file): \(error)", code: .wrongUse)
        }
        if report.events > 1000 { bar.finish() }
        if let difference = report.difference { throw Failure("\(file): \(difference)", code: .difference) }
        let positions = report.positions.map {
            "positions \($0.lowerBound) to \($0.upperBound), \(report.isContiguous ? "none left out" : "some left out")"
        }
        printLine("\(report.events) events fit the checkpoint of \(report.size): \(positions ?? "no position").")
    }

    /// Checks the log of a system. Throws a `Failure` with the code of a difference if there is one.
    func verifyLog(_ own: (name: String, checkpoint: SignedCheckpoint)?, on operation: Operation, json: Bool = false) async throws {
        let keys = try key.isEmpty ? [operation.settings.auditVerifier()] : key.map(Self.verifier)
        let keyFile = operation.settings.auditKey(in: operation.directory)
        var retired: [NoteVerifier] = []
        var witnessed = own.map { [LogAudit.Witnessed($0.checkpoint, name: "the checkpoint in \($0.name)")] } ?? []
        let besideKey = keyFile.lastCheckpoint
        let last: SignedCheckpoint?
        do {
            if key.isEmpty { retired = try keyFile.retired() }
            last = try besideKey.read()
        } catch {
            throw Failure("\(error)")
        }
        if let last { witnessed.append(LogAudit.Witnessed(last, name: "the checkpoint in \(besideKey.path)")) }
        let bar = ProgressBar("verify")
        let report = try await operation.withAuditPool { [retired, witnessed] pool in
            try await LogAudit(pool, keys: keys, retired: retired, witnessed: witnessed).run { bar.update(completed: Int($0), total: Int($1)) }
        }
        bar.finish()
        if last == nil, report.checkpoints > 0 {
            printError(
                "no checkpoint beside the key: \(besideKey.path) is not there, so nothing tells whether newer ones were removed from the tables")
        }
        if let difference = report.difference { throw Failure("\(difference)", code: .difference) }
        if json {
            let counts = [("events", report.events), ("tiles", report.tiles), ("checkpoints", report.checkpoints), ("signed", report.covered)]
            return printLine(JSONValue.object(JSONObject(counts.map { .init(name: $0.0, value: .integer(Int64($0.1))) })).serialized)
        }
        printLine(
            "\(report.events) events, \(report.tiles) tiles and \(report.checkpoints) checkpoints fit; events up to \(report.covered) are signed.")
    }

    private static func verifier(_ text: String) throws -> NoteVerifier {
        let content = keptText(text) ?? text
        guard let verifier = NoteVerifier(content.prefix { $0 != "\n" }) else {
            throw Failure("\(text) is neither a key as \(CommandName.of("audit key")) prints it nor a file with one", code: .wrongUse)
        }
        return verifier
    }
}
