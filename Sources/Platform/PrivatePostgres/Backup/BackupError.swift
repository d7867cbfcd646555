import Glibc

/// Why there is no backup, or nothing restored from one: a line for the operator.
package struct BackupError: Error, CustomStringConvertible, Equatable {
    package let description: String

    package init(_ description: String) { self.description = description }

    /// By the errno of the attempt.
    init(unwritable path: String) { description = "\(path) can't be written: \(String(cString: strerror(errno)))" }
}
