import Glibc

/// Writes one line to standard error.
func printError(_ line: String) {
    write(line, to: STDERR_FILENO)
}

/// Writes one line to standard output without buffering, so that a waiting reader gets it now.
func printLine(_ line: String) {
    write(line, to: STDOUT_FILENO)
}

/// Ends the process.
func endProcess(_ code: Failure.Code) -> Never {
    Glibc.exit(code.rawValue)
}

private func write(_ line: String, to descriptor: Int32) {
    var bytes = Array(line.utf8) + [UInt8(ascii: "\n")]
    while !bytes.isEmpty {
        let count = Glibc.write(descriptor, bytes, bytes.count)
        // The terminal is closed: there is nobody to tell.
        if count <= 0 { return }
        bytes.removeFirst(count)
    }
}
