import FoundationEssentials
import Glibc

/// A file that is there whole or not at all: written aside in the same folder, without a name where the file system can do that, synced, and only
/// then given its name.
///
/// All calls block, and belong on a thread that may.
package final class ExportFile: Sendable {
    /// Where the file will be, links followed.
    private let path: String
    private let folder: String
    private let aside: String
    private let isNameless: Bool
    private let descriptor: Int32

    /// Begins a file that only its owner may read. Throws `ExportOutputError` when it can't be written there, or when the path names something else
    /// than a file.
    ///
    /// - Parameter namelessly: whether to try and do without a name.
    package init(path given: String, namelessly: Bool = true) throws(ExportOutputError) {
        ignoreWriteSignals()
        var status = stat()
        let isThere = stat(given, &status) == 0
        // A file that can't have its name is refused now, and not when all of it is written.
        guard isThere || errno == ENOENT else { throw .system("\(given) can't be written", errno) }
        guard isThere || lstat(given, &status) != 0 else { throw ExportOutputError("\(given) is a link to nothing") }
        // A rename would put a file in the place of a device or a pipe.
        guard !isThere || status.st_mode & S_IFMT == S_IFREG else { throw ExportOutputError("\(given) is not a file") }
        let path = isThere ? Self.resolved(given) : given
        let slash = path.lastIndex(of: "/")
        let folder = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let name = slash.map { path[path.index(after: $0)...] } ?? path[...]
        guard !name.isEmpty else { throw ExportOutputError("'\(given)' names no file") }
        (self.path, self.folder) = (path, folder)
        // A name may be so long that nothing can be added to it.
        aside = "\(folder)/.\(String(decoding: name.utf8.prefix(64), as: UTF8.self)).\(getpid()).partial"
        // A file without a name leaves nothing behind, even when this process is killed.
        let nameless = namelessly ? open(folder, Self.temporary | O_WRONLY | O_CLOEXEC, 0o600) : -1
        isNameless = nameless >= 0
        descriptor = isNameless ? nameless : open(aside, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .system("\(given) can't be written", errno) }
    }

    deinit { close(descriptor) }

    /// Writes all of it.
    package func write(_ bytes: [UInt8]) throws(ExportOutputError) { try writeAll(bytes, to: descriptor, name: path) }

    /// Makes the file durable and gives it its name, in the place of any file of that name.
    package func publish() throws(ExportOutputError) {
        guard fsync(descriptor) == 0 else { throw .system("\(path) can't be written", errno) }
        if isNameless {
            // A link never replaces, and an earlier process of this number may have ended between link and rename.
            unlink(aside)
            guard linkat(AT_FDCWD, "/proc/self/fd/\(descriptor)", AT_FDCWD, aside, AT_SYMLINK_FOLLOW) == 0 else {
                throw .system("\(path) can't be given its name", errno)
            }
        }
        guard rename(aside, path) == 0 else {
            let code = errno
            unlink(aside)
            throw .system("\(path) can't be given its name", code)
        }
        // The new name is durable only with its folder.
        let directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        defer { close(directory) }
        guard directory >= 0, fsync(directory) == 0 else { throw .system("the folder \(folder) can't be written", errno) }
    }

    /// Leaves nothing of it.
    package func abandon() {
        if !isNameless { unlink(aside) }
    }

    /// `O_TMPFILE`, which is a macro that Swift can't read.
    private static let temporary: Int32 = 0o20_000_000 | O_DIRECTORY

    private static func resolved(_ path: String) -> String {
        guard let real = realpath(path, nil) else { return path }
        defer { free(real) }
        return String(cString: real)
    }
}
