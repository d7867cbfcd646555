import Foundation
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct `The help of the scripts in bin` {
    @Test(arguments: [("up", "up "), ("annals", "")])
    func `is that of an earlier build, and takes no other`(name: String, command: String) async throws {
        let root = FileManager.default.temporaryDirectory.appending(path: "annals-\(UUID().uuidString.prefix(8))").path
        defer { try? FileManager.default.removeItem(atPath: root) }
        try FileManager.default.createDirectory(atPath: root + "/.build/release", withIntermediateDirectories: true)
        try FileManager.default.copyItem(atPath: repositoryRoot + "/bin", toPath: root + "/bin")
        let binary = root + "/.build/release/annals"
        try "#!/bin/sh\necho \"$ANNALS_COMMAND: $*\"\n".write(toFile: binary, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: binary)
        // There is no package to build, so a build would fail.
        let said = try await ChildProgram.run(["/bin/bash", "-c", "cd '\(root)' && bin/\(name) --port 1 --help"], isMerged: true).output
        #expect(said == "bin/annals: \(command)--port 1 --help\n")
    }
}
