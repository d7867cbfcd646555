import Glibc

/// Why an output could not be written, in one line for the operator.
package struct ExportOutputError: Error, CustomStringConvertible {
    package let description: String
    /// Whether the reader has left. It may have all that it wanted.
    package let isUnread: Bool

    init(_ description: String, isUnread: Bool = false) {
        self.description = description
        self.isUnread = isUnread
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

/// Writes all bytes. It blocks, and belongs on a thread that may.
package func writeAll(_ bytes: [UInt8], to descriptor: Int32, name: String) throws(ExportOutputError) {
    switch writeAll(bytes, to: descriptor) {
    case 0: return
    case EPIPE: throw ExportOutputError("nobody reads \(name) any more", isUnread: true)
    case let code: throw .system("\(name) can't be written", code)
    }
}

/// Writes all bytes, and returns 0 or the number of the error that kept it from writing the rest.
package func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Int32 {
    var start = 0
    while start < bytes.count {
        let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress.map { $0 + start }, $0.count - start) }
        if count < 0, errno != EINTR { return errno }
        start += max(0, count)
    }
    return 0
}
