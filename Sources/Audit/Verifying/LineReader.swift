import Glibc

/// The lines of a file, each with its end.
struct LineReader {
    private let file: UnsafeMutablePointer<FILE>

    init(_ file: UnsafeMutablePointer<FILE>) { self.file = file }

    /// Nil at the end, or when the file can't be read on, which `ferror` tells.
    mutating func next() -> [UInt8]? {
        var line: UnsafeMutablePointer<CChar>?
        var capacity = 0
        defer { free(line) }
        let count = getline(&line, &capacity, file)
        guard count > 0, let line else { return nil }
        return Array(UnsafeRawBufferPointer(start: line, count: count))
    }
}
