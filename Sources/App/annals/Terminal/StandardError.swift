import Glibc

/// What standard error is connected to.
package enum StandardError {
    package static var isTerminal: Bool { isatty(STDERR_FILENO) == 1 }

    /// The terminal's width; 80 where it can't be told.
    package static var columns: Int {
        var size = winsize()
        return ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
    }

    /// No colours when the user asks for none (no-color.org) or the terminal has none.
    package static var allowsColor: Bool {
        func value(_ name: String) -> String { getenv(name).map { String(cString: $0) } ?? "" }
        return isTerminal && value("NO_COLOR").isEmpty && value("TERM") != "dumb"
    }

    /// Writes all of it. A closed or full standard error loses the text: progress is no reason to fail.
    package static func write(_ text: String) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if count < 0, errno != EINTR {
                return
            }
        }
    }
}
