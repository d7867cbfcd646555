import Glibc

/// Makes Ctrl-C and SIGTERM end the process at once with exit code 0. This is the normal end of a command that reads until it is told to stop.
func endWellOnInterrupt() {
    for number in [SIGINT, SIGTERM] { signal(number) { _ in _exit(0) } }
}
