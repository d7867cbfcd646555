import Glibc

/// The terminal's original settings. There is no lock, since a signal handler may take none: they are written before the
/// handlers are set and only read from then on.
nonisolated(unsafe) private var original = termios()

private let endingSignals = [SIGINT, SIGTERM, SIGHUP, SIGQUIT]

/// One line from standard input; on a terminal without showing it. Nil at the end of input.
func readPassword() -> String? {
    guard isatty(STDIN_FILENO) == 1 else { return readLine(strippingNewline: true) }
    printError("New password:")
    guard tcgetattr(STDIN_FILENO, &original) == 0 else { return readLine(strippingNewline: true) }
    // If the user gives up in the middle, the terminal must show again what they type.
    for number in endingSignals {
        signal(number) { number in
            tcsetattr(STDIN_FILENO, TCSANOW, &original)
            signal(number, SIG_DFL)
            raise(number)
        }
    }
    var hidden = original
    hidden.c_lflag &= ~tcflag_t(ECHO)
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden)
    defer {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &original)
        for number in endingSignals { signal(number, SIG_DFL) }
    }
    return readLine(strippingNewline: true)
}
