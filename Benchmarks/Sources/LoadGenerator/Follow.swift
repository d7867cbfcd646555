import ArgumentParser
import Audit
import EventLog
import Logging

/// Has the follower take up the whole log, from an empty tree to a checkpoint that covers all of it.
struct Follow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Builds the Merkle tree of the log and prints the rate as JSON.")

    @OptionGroup var options: LogOptions
    @Option(help: "The file of the signing key, made when it is not there.") var key: String

    func run() async throws {
        let file = AuditKeyFile(key)
        let signer = try file.open(origin: nil)
        let line = try await MeasuredLog.open(options) { log in
            let head = try await log.store.head()
            let follower = MerkleFollower(
                log.pool, wokenBy: log.store, signer: signer, file: file.lastCheckpoint, logger: Logger(label: "benchmark"))
            return try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await follower.run() }
                defer { group.cancelAll() }
                let start = ContinuousClock.now
                while follower.status != .following(signed: head) {
                    try follower.confirmRunning()
                    try await Task.sleep(for: .milliseconds(2))
                }
                return "{\"rate\": \(Double(head) / (start.duration(to: .now) / .seconds(1)))}"
            }
        }
        print(line)
    }
}
