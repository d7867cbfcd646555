package import Foundation

/// A file that the kernel writes while it is read, such as those in /proc. It tells no size, and `String(contentsOfFile:)` takes its first part for
/// the whole.
package enum KernelFile {
    /// All of it. Throws when there is none.
    package static func contents(_ path: String) throws -> Data {
        let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
        defer { try? file.close() }
        return try file.readToEnd() ?? Data()
    }
}
