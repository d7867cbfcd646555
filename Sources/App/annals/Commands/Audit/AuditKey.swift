import ArgumentParser
import Audit

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
