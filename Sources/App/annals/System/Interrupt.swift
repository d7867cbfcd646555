import Glibc

/// Has Ctrl-C and SIGTERM end the process at once with exit code 0: the good end of a command that only reads, and goes on until it is told to stop.
func endWellOnInterrupt() {
    for number in [SIGINT, SIGTERM] { signal(number) { _ in _exit(0) } }
}
