import FoundationEssentials
import Glibc

/// A small file that is on the disk whole, before and after each change of it.
struct WholeFile {
    private let path: String

    init(_ path: String) { self.path = path }

    /// Its text; nil when it is not there.
    func read() throws(AuditFileError) -> String? {
        guard let data = FileManager.default.contents(atPath: path) else {
            if access(path, F_OK) != 0, errno == ENOENT { return nil }
            throw failure("it can't be read")
        }
        return String(decoding: data, as: UTF8.self)
    }

    /// Makes it, unless somebody else was faster.
    func create(_ text: String) throws(AuditFileError) {
        let unfinished = try write(text)
        defer { unlink(unfinished) }
        // A link never replaces: of two first starts, one makes the file and both read it.
        guard link(unfinished, path) == 0 || errno == EEXIST else { throw failure("it can't be made: \(lastError)") }
        try syncFolder()
    }

    /// Replaces it.
    func replace(_ text: String) throws(AuditFileError) {
        let unfinished = try write(text)
        guard rename(unfinished, path) == 0 else {
            let reason = lastError
            unlink(unfinished)
            throw failure("it can't be replaced: \(reason)")
        }
        try syncFolder()
    }

    private func write(_ text: String) throws(AuditFileError) -> String {
        let unfinished = "\(path).\(getpid()).\(UInt32.random(in: .min ... .max))"
        let descriptor = Glibc.open(unfinished, O_CREAT | O_EXCL | O_WRONLY, 0o600)
        guard descriptor >= 0 else { throw failure("it can't be made: \(lastError)") }
        defer { close(descriptor) }
        guard Self.write(Array(text.utf8)[...], to: descriptor), fsync(descriptor) == 0 else {
            let reason = lastError
            unlink(unfinished)
            throw failure("it can't be written: \(reason)")
        }
        return unfinished
    }

    /// False, with the reason in `errno`, when not all could be written. A disk that fills up takes a part first.
    private static func write(_ bytes: ArraySlice<UInt8>, to descriptor: Int32) -> Bool {
        var rest = bytes
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    /// A name is on the disk only once its folder is.
    func syncFolder() throws(AuditFileError) {
        let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        let descriptor = Glibc.open(folder.isEmpty ? "/" : folder, O_RDONLY | O_DIRECTORY)
        guard descriptor >= 0 else { throw failure("its folder can't be opened: \(lastError)") }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw failure("its folder can't be written: \(lastError)") }
    }

    private var lastError: String { String(cString: strerror(errno)) }

    private func failure(_ reason: String) -> AuditFileError { .unavailable(path, reason) }
}
