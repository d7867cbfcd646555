import Glibc

/// Standard output as the place of an export. A reader that leaves early is an error: it has not got the whole export.
///
/// Writing blocks, and belongs on a thread that may.
package struct StandardOutputStream: Sendable {
    package init() { ignoreWriteSignals() }

    /// Writes all of it.
    package func write(_ bytes: [UInt8]) throws(ExportOutputError) {
        try writeAll(bytes, to: STDOUT_FILENO, name: "standard output")
    }
}

/// Why an export could not be written, in one line for the operator.
package struct ExportOutputError: Error, CustomStringConvertible {
    package let description: String

    init(_ description: String) {
        self.description = description
    }

    static func system(_ what: String, _ code: Int32) -> ExportOutputError {
        ExportOutputError("\(what): \(String(cString: strerror(code)))")
    }
}

/// Makes a reader that has left and a limit that is reached errors of the write, instead of signals that end the process.
func ignoreWriteSignals() {
    signal(SIGPIPE, SIG_IGN)
    signal(SIGXFSZ, SIG_IGN)
}

func writeAll(_ bytes: [UInt8], to descriptor: Int32, name: String) throws(ExportOutputError) {
    var start = 0
    while start < bytes.count {
        let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress.map { $0 + start }, $0.count - start) }
        switch count < 0 ? errno : 0 {
        case 0: start += count
        case EINTR: continue
        case EPIPE: throw ExportOutputError("nobody reads \(name) any more")
        case let code: throw .system("\(name) can't be written", code)
        }
    }
}
