import FoundationEssentials
import Glibc
import Testing

@testable import Audit

@Suite(.timeLimit(.minutes(15))) struct `An audit key's file` {
    @Test(arguments: [0o604, 0o602] as [mode_t])
    func `is refused when everybody may read or write it`(mode: mode_t) async throws {
        try await withFolder { folder in
            let file = AuditKeyFile(folder + "/audit.key")
            let key = try file.open(origin: nil).verifier
            chmod(file.path, mode)
            let error = #expect(throws: AuditFileError.self) { try file.open(origin: nil) }
            #expect(error.map { "\($0)" }?.contains("chmod 600") == true)
            // As secrets are mounted into containers.
            for mode in [0o400, 0o440] as [mode_t] {
                chmod(file.path, mode)
                #expect(try file.read().verifier == key)
            }
        }
    }

    @Test func `has the keys before it in the file of retired ones`() async throws {
        try await withFolder { folder in
            let file = AuditKeyFile(folder + "/audit.key")
            #expect(try file.retired() == [])
            let keys = (1...2).map { NoteSigner(name: "example.org/\($0)").verifier }
            for end in ["\n", "\r\n"] {
                try write("\(keys[0])\(end)\(keys[1])\(end)", to: folder + "/audit.key.retired")
                #expect(try file.retired() == keys)
            }
            try write("\(keys[0])\nnonsense\n", to: folder + "/audit.key.retired")
            #expect(throws: AuditFileError.self) { try file.retired() }
        }
    }

    private func write(_ text: String, to path: String) throws { try Data(text.utf8).write(to: URL(filePath: path)) }
}
