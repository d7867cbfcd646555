import Glibc

/// The terminal as it was found. Unlocked, since a signal's handler may take no lock: written before the handlers are set, and only read from then on.
nonisolated(unsafe) private var found = termios()

private let endings = [SIGINT, SIGTERM, SIGHUP, SIGQUIT]

/// One line from standard input; on a terminal without showing it. Nil at the end of input.
func readPassword() -> String? {
    guard isatty(STDIN_FILENO) == 1 else { return readLine(strippingNewline: true) }
    printError("New password:")
    guard tcgetattr(STDIN_FILENO, &found) == 0 else { return readLine(strippingNewline: true) }
    // Whoever gives up in the middle gets a terminal back that shows what they type.
    for number in endings {
        signal(number) { number in
            tcsetattr(STDIN_FILENO, TCSANOW, &found)
            signal(number, SIG_DFL)
            raise(number)
        }
    }
    var hidden = found
    hidden.c_lflag &= ~tcflag_t(ECHO)
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden)
    defer {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &found)
        for number in endings { signal(number, SIG_DFL) }
    }
    return readLine(strippingNewline: true)
}
