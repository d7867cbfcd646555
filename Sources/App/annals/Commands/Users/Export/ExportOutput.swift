import Glibc
import NIOPosix

/// The output of an export: standard output, or a new file that only its owner can read.
struct ExportOutput: Sendable {
    private let standardOutput = StandardOutput()
    private let path: String?
    private let descriptor: Int32

    /// Makes the file; nil is standard output. An existing file is not overwritten.
    init(_ path: String?) throws {
        self.path = path
        guard let path else {
            descriptor = STDOUT_FILENO
            return
        }
        descriptor = open(path, O_CREAT | O_EXCL | O_WRONLY, 0o600)
        guard descriptor >= 0 else { throw Failure("\(path) can't be made: \(String(cString: strerror(errno)))") }
    }

    /// Writes lines, on a thread that may block.
    func write(_ lines: [String]) async throws {
        guard let path else { return try await standardOutput.write(lines) }
        let bytes = lines.flatMap { Array($0.utf8) + [UInt8(ascii: "\n")] }
        try await NIOThreadPool.singleton.runIfActive { [descriptor] in
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
                guard count >= 0 || errno == EINTR else { throw Failure("\(path) can't be written: \(String(cString: strerror(errno)))") }
                rest = rest.dropFirst(max(0, count))
            }
        }
    }

    /// Ends the file. Throws unless everything is on the disk.
    func close() throws {
        guard let path else { return }
        guard fsync(descriptor) == 0, Glibc.close(descriptor) == 0 else {
            throw Failure("\(path) can't be written: \(String(cString: strerror(errno)))")
        }
    }
}
