import ArgumentParser
import Audit
import EventSourcing
import Postgres

/// `annals audit`: exports, proofs and checks of the log.
struct AuditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit", abstract: "Export the log, prove what it holds, and check it.",
        subcommands: [AuditExport.self, AuditKey.self, AuditCheckpoint.self, AuditProve.self, AuditVerify.self])
}

/// `annals audit key`: the key that auditors check signatures with.
struct AuditKey: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key", abstract: "Print the public half of the key that checkpoints are signed with.",
        discussion: "In the form of C2SP signed-note and of Go's note package. Give it to auditors in a way that they trust.")

    @OptionGroup var flags: SettingsFlags

    func run() async throws {
        let settings = try await Settings.read(flags)
        printLine("\(try settings.auditVerifier())")
    }
}

extension Settings {
    /// The public half of this installation's audit key.
    func auditVerifier() throws -> NoteVerifier {
        do {
            return try auditKey(in: try DataDirectory.existing(dataDirectory)).read().verifier
        } catch let error as AuditFileError {
            throw Failure("\(error)")
        }
    }
}

/// `annals audit checkpoint`: the checkpoint that auditors keep copies of.
struct AuditCheckpoint: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "checkpoint", abstract: "Print the newest signed checkpoint.",
        discussion: "A C2SP tlog-checkpoint. With a copy one can tell later whether anything up to its size was changed.")

    @OptionGroup var flags: SettingsFlags

    func run() async throws {
        let operation = try await Operation.begin(flags)
        let checkpoint = try await operation.withMerkleLog { log in try await log.newestCheckpoint() }
        printText(checkpoint.note.description)
    }
}

/// Prints a text that ends with a newline of its own.
func printText(_ text: String) { printLine(String(text.dropLast())) }

extension Operation {
    /// The log's database with the rights to read the log and its tree.
    func withAuditPool<Value: Sendable>(_ body: @Sendable (ConnectionPool) async throws -> Value) async throws -> Value {
        do {
            return try await withPool("log", databases.log.acting(as: "annals_projector"), body)
        } catch let error as EventStoreError {
            throw Failure(error.line)
        } catch let error as MerkleLog.NothingSigned {
            throw Failure("\(error)")
        } catch let error as MerkleLog.Damaged {
            throw Failure("\(error)", code: .difference)
        }
    }

    /// The log's tree and checkpoints.
    func withMerkleLog<Value: Sendable>(_ body: @Sendable (MerkleLog) async throws -> Value) async throws -> Value {
        try await withAuditPool { try await body(MerkleLog($0)) }
    }
}

/// `annals audit prove`: a proof that one event is in the log.
struct AuditProve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prove", abstract: "Print a proof that the event at a position is in the log.",
        discussion: """
            A C2SP tlog-proof: the event's index, the hashes beside its path to the root, and a signed checkpoint. It proves the SHA-256 of the \
            event's canonical JSON, which annals audit export --sealed --after N-1 --until N prints. The proof is tried on the event in the log. \
            Exit code 3 if it does not hold, or if the log does not extend the checkpoint of --against.
            """)

    @OptionGroup var flags: SettingsFlags

    @Argument(help: "The event's position, from 1.")
    var position: Int64

    @Option(help: "A file with a checkpoint that you have, to make the proof for. (the newest)")
    var against: String?

    func validate() throws {
        guard position >= 1 else { throw ValidationError("positions count from 1") }
    }

    func run() async throws {
        let operation = try await Operation.begin(flags)
        let own = try against.map(readCheckpoint)
        let proof = try await operation.withMerkleLog { [position] log in
            if let own { try await log.confirmBeginning(own.checkpoint) }
            let checkpoint = if let own { own } else { try await log.newestCheckpoint() }
            try operation.confirmSigned(checkpoint)
            guard position <= checkpoint.checkpoint.size else {
                throw Failure("the checkpoint covers \(checkpoint.checkpoint.size) events, not position \(position)")
            }
            return try await log.proof(of: position, against: checkpoint)
        }
        printText(proof.description)
    }
}
