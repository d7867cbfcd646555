import ArgumentParser
import Audit

/// `annals audit prove`: a proof that one event is in the log.
struct AuditProve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prove", abstract: "Print a proof that the event at a position is in the log.",
        discussion: """
            A C2SP tlog-proof: the event's index, the hashes beside its path to the root, and a signed checkpoint. It proves the SHA-256 of the \
            event's canonical JSON, which \(CommandName.of("audit export")) --sealed --after N-1 --until N prints. The proof is tried on the event in the log. \
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
