import ArgumentParser

/// `annals audit`: what an outsider can check, and how.
struct AuditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit", abstract: "Prove what the log holds, and check it.",
        subcommands: [AuditExport.self, AuditKey.self, AuditCheckpoint.self, AuditProve.self, AuditVerify.self])
}
