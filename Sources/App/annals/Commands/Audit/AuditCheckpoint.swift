import ArgumentParser
import Audit
import EventSourcing
import Postgres

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
