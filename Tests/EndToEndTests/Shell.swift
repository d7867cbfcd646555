import Foundation

/// A shell, as the README's reader has one.
enum Shell {
    static func run(_ script: String) async throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/bash")
        process.arguments = ["-c", script]
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let output = await onThread { pipe.fileHandleForReading.readDataToEndOfFile() }
        await process.waitForExit()
        return String(decoding: output, as: UTF8.self)
    }
}
