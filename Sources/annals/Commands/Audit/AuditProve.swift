import ArgumentParser
import Audit
import FoundationEssentials

/// `annals audit prove`: that one event is in the log.
struct AuditProve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prove", abstract: "Print a proof that the event at a position is in the log.",
        discussion: """
            A C2SP tlog-proof: the event's index, the hashes beside its way to the root, and a signed checkpoint. It proves the SHA-256 of the event's canonical JSON; \
            annals audit export --sealed --after N-1 --until N prints that. Exit code 3 when the log does not go on from the checkpoint of --against.
            """)

    @OptionGroup var flags: SettingsFlags

    @Argument(help: "The event's position, from 1.")
    var position: Int64

    @Option(help: "A file with a checkpoint that you have: the proof is made for that one. By default it is the newest.")
    var against: String?

    func validate() throws {
        guard position >= 1 else { throw ValidationError("positions count from 1") }
    }

    func run() async throws {
        let operation = try await Operation.begin(flags)
        let own = try against.map(readCheckpoint)
        let proof = try await operation.withMerkleLog { [position] log in
            let size = try await log.size()
            let newest = try await log.checkpoint()
            guard let checkpoint = own ?? newest else {
                throw Failure("nothing has been signed yet: the log is empty, or no follower has run")
            }
            guard checkpoint.checkpoint.size <= size else {
                throw Failure("the checkpoint is of \(checkpoint.checkpoint.size), but the log's tree has \(size) leaves", code: .difference)
            }
            guard position <= checkpoint.checkpoint.size else {
                throw Failure("the checkpoint covers \(checkpoint.checkpoint.size) events, not position \(position)")
            }
            var prover = Prover(log, size: size)
            guard try await prover.root(at: checkpoint.checkpoint.size) == checkpoint.checkpoint.root else {
                throw Failure("the log's tree of \(checkpoint.checkpoint.size) leaves has another root than the checkpoint", code: .difference)
            }
            var older = Prover(log, size: checkpoint.checkpoint.size)
            return EventProof(index: position - 1, inclusion: try await older.inclusion(of: position - 1), checkpoint: checkpoint)
        }
        printText(proof.description)
    }
}

/// The checkpoint in a file.
func readCheckpoint(_ path: String) throws -> SignedCheckpoint {
    guard let data = FileManager.default.contents(atPath: path) else { throw Failure("\(path) can't be read", code: .wrongUse) }
    guard let checkpoint = SignedCheckpoint(String(decoding: data, as: UTF8.self)) else {
        throw Failure("\(path) does not hold a signed checkpoint", code: .wrongUse)
    }
    return checkpoint
}
