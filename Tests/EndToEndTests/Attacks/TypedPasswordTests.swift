import Foundation
import Glibc
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(longestTest))) struct `A password typed at a terminal` {
    @Test(.timeLimit(.minutes(longestTest))) func `is not shown, and who gives up gets the terminal back as it was`() async throws {
        var keyboard: Int32 = -1
        var terminal: Int32 = -1
        try #require(openpty(&keyboard, &terminal, nil, nil, nil) == 0)
        defer { for descriptor in [keyboard, terminal] { close(descriptor) } }
        try #require(isShowing(terminal))

        let process = try ChildProgram([Launch.binary.path, "users", "set-password", "ann@example.org"], input: terminal)
        try await eventually { !isShowing(terminal) || !process.isRunning }
        #expect(!isShowing(terminal))
        process.interrupt()
        await process.waitForExit()
        #expect(process.end == .signal(SIGINT))
        #expect(isShowing(terminal))
    }

    private func isShowing(_ terminal: Int32) -> Bool {
        var settings = termios()
        return tcgetattr(terminal, &settings) == 0 && settings.c_lflag & tcflag_t(ECHO) != 0
    }
}
