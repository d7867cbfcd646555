import Glibc

/// The calls on files that a walk through a folder needs, with paths as bytes. Foundation's calls take names in UTF-8 only.
struct FileSystem {
    enum Kind {
        case file, folder, link
        /// A socket, a pipe, a device.
        case other
    }

    /// Names one file, however many paths lead to it.
    struct Identity: Hashable {
        let device: UInt64
        let number: UInt64
    }

    struct Failure: Error, CustomStringConvertible {
        let code: Int32
        var description: String { String(cString: strerror(code)) }
        /// Whether nothing is there.
        var isAbsence: Bool { code == ENOENT || code == ENOTDIR }
    }

    /// Files that are larger are no posts.
    private static let maximumBytes = 8 << 20

    /// The folder's path without any link in it.
    let root: [UInt8]

    init(root: String) throws(Failure) { self.root = try Self.resolved(Array(root.utf8)) }

    /// The kind of a path; of a link itself.
    func kind(of path: BlogPath) throws(Failure) -> Kind { try look(at: path, followingLinks: false).kind }

    /// The kind and identity of a path, by default of the target of a link.
    func look(at path: BlogPath, followingLinks: Bool = true) throws(Failure) -> (kind: Kind, identity: Identity) {
        var status = stat()
        let result = Self.withCString(full(path)) { followingLinks ? stat($0, &status) : lstat($0, &status) }
        guard result == 0 else { throw Failure(code: errno) }
        let kind: Kind =
            switch status.st_mode & S_IFMT {
            case S_IFREG: .file
            case S_IFDIR: .folder
            case S_IFLNK: .link
            default: .other
            }
        return (kind, Identity(device: UInt64(status.st_dev), number: UInt64(status.st_ino)))
    }

    /// The names in a folder, sorted, without hidden ones.
    func names(in folder: BlogPath) throws(Failure) -> [[UInt8]] {
        guard let directory = Self.withCString(full(folder), { opendir($0) }) else { throw Failure(code: errno) }
        defer { closedir(directory) }
        var names: [[UInt8]] = []
        errno = 0
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
            if name.first != UInt8(ascii: ".") { names.append(name) }
            errno = 0
        }
        guard errno == 0 else { throw Failure(code: errno) }
        return names.sorted { $0.lexicographicallyPrecedes($1) }
    }

    /// The target of a link, inside the folder; nil when the target is outside.
    func target(of link: BlogPath) throws(Failure) -> BlogPath? {
        let target = try Self.resolved(full(link))
        if target == root { return .root }
        guard target.starts(with: root + [UInt8(ascii: "/")]) else { return nil }
        return BlogPath(bytes: Array(target.dropFirst(root.count + 1)))
    }

    func contents(of path: BlogPath) throws(Failure) -> [UInt8] {
        let descriptor = Self.withCString(full(path)) { open($0, O_RDONLY | O_CLOEXEC | O_NONBLOCK) }
        guard descriptor >= 0 else { throw Failure(code: errno) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = read(descriptor, &chunk, chunk.count)
            guard count >= 0 else { throw Failure(code: errno) }
            if count == 0 { return bytes }
            bytes.append(contentsOf: chunk[..<count])
            guard bytes.count <= Self.maximumBytes else { throw Failure(code: EFBIG) }
        }
    }

    private func full(_ path: BlogPath) -> [UInt8] { path.bytes.isEmpty ? root : root + [UInt8(ascii: "/")] + path.bytes }

    private static func resolved(_ path: [UInt8]) throws(Failure) -> [UInt8] {
        guard let resolved = withCString(path, { realpath($0, nil) }) else { throw Failure(code: errno) }
        defer { free(resolved) }
        return Array(UnsafeRawBufferPointer(start: resolved, count: strlen(resolved)))
    }

    private static func withCString<Result>(_ path: [UInt8], _ body: (UnsafePointer<CChar>) -> Result) -> Result {
        (path + [0]).withUnsafeBufferPointer { buffer in
            buffer.withMemoryRebound(to: CChar.self) { body($0.baseAddress.unsafelyUnwrapped) }
        }
    }
}
