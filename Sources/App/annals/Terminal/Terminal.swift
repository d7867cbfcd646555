import Audit
import Glibc

/// Writes one line to standard error.
func printError(_ line: String) { StandardError.write(line + "\n") }

/// Writes one line to standard output without buffering, so that a waiting reader gets it now.
func printLine(_ line: String) {
    // The terminal may be closed. Then there is nobody to tell.
    _ = writeAll(Array(line.utf8) + [UInt8(ascii: "\n")], to: STDOUT_FILENO)
}

/// Ends the process.
func endProcess(_ code: Failure.Code) -> Never { Glibc.exit(code.rawValue) }

/// Standard error, and the terminal behind it if there is one.
package enum StandardError {
    package static var isTerminal: Bool { isatty(STDERR_FILENO) == 1 }

    /// The terminal's width in columns; 80 if it is unknown.
    package static var columns: Int {
        var size = winsize()
        return ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
    }

    /// False when the user asks for no colours (no-color.org) or the terminal has none.
    package static var allowsColor: Bool {
        func value(_ name: String) -> String { getenv(name).map { String(cString: $0) } ?? "" }
        return isTerminal && value("NO_COLOR").isEmpty && value("TERM") != "dumb"
    }

    /// Writes all of the text. If standard error is closed or full, the text is lost: progress is not worth a failure.
    package static func write(_ text: String) { _ = writeAll(Array(text.utf8), to: STDERR_FILENO) }
}
