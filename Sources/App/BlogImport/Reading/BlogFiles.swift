import FoundationEssentials

/// Why a folder can't be read as a blog.
package enum BlogFolderError: Error, Equatable, CustomStringConvertible {
    case notAFolder(String)
    case noPosts(String)
    case unreadable(String, reason: String)

    package var description: String {
        switch self {
        case .notAFolder(let path): "\(path) is not a folder"
        case .noPosts(let path): "\(path) has no Markdown posts, neither in posts/, _posts/ or content/ nor in itself"
        case .unreadable(let path, let reason): "\(path) can't be read: \(reason)"
        }
    }
}

/// The files of a blog, by their paths inside its folder.
struct BlogFiles {
    let root: String

    init(root: String) throws(BlogFolderError) {
        guard Self.isFolder(root) else { throw .notAFolder(root) }
        self.root = root
    }

    /// The Markdown files that may be posts, sorted. Where none of the known folders is there, those in the folder itself, without its subfolders.
    func posts() throws(BlogFolderError) -> [String] {
        let folders = ["posts", "_posts", "content"].filter { Self.isFolder("\(root)/\($0)") }
        var paths: [String] = []
        if folders.isEmpty {
            paths = try entries(of: "").filter(Self.isPost)
        } else {
            for folder in folders { try collectPosts(under: folder, depth: 0, into: &paths) }
        }
        guard !paths.isEmpty else { throw .noPosts(root) }
        return paths.sorted()
    }

    /// A file's bytes; nil when there is no such file.
    func contents(of path: String) throws(BlogFolderError) -> [UInt8]? {
        let full = "\(root)/\(path)"
        guard FileManager.default.fileExists(atPath: full) else { return nil }
        do {
            return Array(try Data(contentsOf: URL(filePath: full)))
        } catch {
            throw .unreadable(path, reason: "the file can't be opened")
        }
    }

    private func collectPosts(under folder: String, depth: Int, into paths: inout [String]) throws(BlogFolderError) {
        // Deep enough for any blog, and an end to links that lead back into themselves.
        guard depth < 16 else { return }
        for path in try entries(of: folder) {
            if Self.isFolder("\(root)/\(path)") {
                try collectPosts(under: path, depth: depth + 1, into: &paths)
            } else if Self.isPost(path) {
                paths.append(path)
            }
        }
    }

    private func entries(of folder: String) throws(BlogFolderError) -> [String] {
        do {
            let names = try FileManager.default.contentsOfDirectory(atPath: folder.isEmpty ? root : "\(root)/\(folder)")
            return names.filter { !$0.hasPrefix(".") }.map { folder.isEmpty ? $0 : "\(folder)/\($0)" }
        } catch {
            throw .unreadable(folder.isEmpty ? root : folder, reason: "the folder can't be listed")
        }
    }

    private static func isFolder(_ path: String) -> Bool {
        var isDirectory = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) && isDirectory
    }

    private static func isPost(_ path: String) -> Bool {
        let name = path.split(separator: "/").last.map { $0.lowercased() } ?? ""
        guard let dot = name.lastIndex(of: "."), [".md", ".markdown"].contains(name[dot...]) else { return false }
        return !["readme", "license", "_index"].contains(name[..<dot])
    }
}
