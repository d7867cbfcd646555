import ArgumentParser

/// `annals audit`: exports, proofs and checks of the log.
struct AuditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit", abstract: "Export the log, prove what it holds, and check it.",
        subcommands: [AuditExport.self, AuditKey.self, AuditCheckpoint.self, AuditProve.self, AuditVerify.self])
}
