import Foundation
import Glibc
import Testing

@Suite struct `A password typed at a terminal` {
    @Test(.timeLimit(.minutes(1))) func `is not shown, and who gives up gets the terminal back as it was`() async throws {
        let keyboard = posix_openpt(O_RDWR | O_NOCTTY)
        defer { close(keyboard) }
        try #require(keyboard >= 0 && grantpt(keyboard) == 0 && unlockpt(keyboard) == 0)
        let name = String(cString: try #require(ptsname(keyboard)))
        let terminal = Glibc.open(name, O_RDWR | O_NOCTTY)
        defer { close(terminal) }
        try #require(terminal >= 0 && isShowing(terminal))

        let process = Process()
        process.executableURL = Launch.binary
        process.arguments = ["users", "set-password", "ann@example.org"]
        process.standardInput = FileHandle(fileDescriptor: terminal, closeOnDealloc: false)
        process.standardError = FileHandle.nullDevice
        try process.run()
        while isShowing(terminal), process.isRunning { await Task.yield() }
        #expect(!isShowing(terminal))
        process.interrupt()
        await process.waitForExit()
        #expect(process.terminationReason == .uncaughtSignal && process.terminationStatus == SIGINT)
        #expect(isShowing(terminal))
    }

    private func isShowing(_ terminal: Int32) -> Bool {
        var settings = termios()
        return tcgetattr(terminal, &settings) == 0 && settings.c_lflag & tcflag_t(ECHO) != 0
    }
}
