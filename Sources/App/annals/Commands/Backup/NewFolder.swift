import FoundationEssentials
import Glibc

/// A data folder that must not be there yet, or be empty. It is made under another name and takes its own when it is whole.
struct NewFolder: Sendable {
    let path: String

    var unfinished: String { path + ".restoring" }

    init(_ path: String) throws {
        var whole = path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
        while whole.hasSuffix("/"), whole != "/" { whole.removeLast() }
        if let resolved = realpath(whole, nil) {
            whole = String(cString: resolved)
            free(resolved)
        }
        self.path = whole
        try requireOneFileSystem()
        guard access(self.path, F_OK) != 0 || (try? FileManager.default.contentsOfDirectory(atPath: self.path))?.isEmpty == true else {
            throw Failure("\(path) is not empty, and nothing is restored over what is there: name a new folder by --data-dir")
        }
        guard access(unfinished, F_OK) != 0 else {
            throw Failure("\(unfinished) is left by a restore that was interrupted, or one is under way: remove it, and try again")
        }
    }

    /// The folder takes its place by a rename at the end, which can't replace a mounted file system.
    private func requireOneFileSystem() throws {
        var (own, parent) = (stat(), stat())
        let slash = path.lastIndex(of: "/") ?? path.startIndex
        guard stat(path, &own) == 0, stat(slash == path.startIndex ? "/" : String(path[..<slash]), &parent) == 0 else { return }
        guard own.st_dev == parent.st_dev, path != "/" else {
            throw Failure("a file system is mounted at \(path): name a folder below it by --data-dir")
        }
    }

    func make() throws {
        do {
            // The server's account must be able to pass through.
            try FileManager.default.createDirectory(
                atPath: unfinished, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o711])
        } catch {
            throw Failure("\(unfinished) can't be made: \(String(cString: strerror(errno)))")
        }
    }

    func finish() throws {
        guard rename(unfinished, path) == 0 else { throw Failure("\(unfinished) can't become \(path): \(String(cString: strerror(errno)))") }
    }

    func remove() { try? FileManager.default.removeItem(atPath: unfinished) }
}
