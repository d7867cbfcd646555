import Glibc

/// The lines of a file, each with its end.
struct LineReader {
    /// Bytes of a line. An event has 4 MiB of data at most, and opened or escaped text is not as much longer.
    private static let longest = 64 << 20

    private let file: UnsafeMutablePointer<FILE>
    private var buffer: ArraySlice<UInt8> = []

    init(_ file: UnsafeMutablePointer<FILE>) { self.file = file }

    /// Nil at the end, or when the file can't be read on, which `ferror` tells. Throws at a line that is longer than any of ours, before it is read
    /// whole.
    mutating func next() throws(AuditDifference) -> [UInt8]? {
        var line: [UInt8] = []
        while true {
            if let end = buffer.firstIndex(of: UInt8(ascii: "\n")) {
                line += buffer[...end]
                buffer = buffer[(end + 1)...]
                return line
            }
            line += buffer
            guard line.count <= Self.longest else { throw AuditDifference(at: nil, "a line is longer than any that an export has") }
            buffer = read()[...]
            if buffer.isEmpty { return line.isEmpty ? nil : line }
        }
    }

    private func read() -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 1 << 18) { bytes, count in count = fread(bytes.baseAddress, 1, bytes.count, file) }
    }
}
