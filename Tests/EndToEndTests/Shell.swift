import TestSupport

/// A shell, as the README's reader has one.
enum Shell {
    static func run(_ script: String) async throws -> String {
        try await ChildProgram.run(["/bin/bash", "-c", script], isMerged: true).output
    }
}
