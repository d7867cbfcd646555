import Glibc

/// Why a folder can't be read as a blog.
package enum BlogError: Error, Equatable, CustomStringConvertible {
    case notAFolder(String)
    case noPosts(String)
    case unreadable(String, because: String)

    package var description: String {
        switch self {
        case .notAFolder(let path): "\(path) is not a folder"
        case .noPosts(let path): "\(path) has no Markdown posts, neither in posts/, _posts/ or content/ nor in itself"
        case .unreadable(let path, let reason): "\(path) can't be read: \(reason)"
        }
    }
}

/// The files of a blog that may be posts, and why others are not.
///
/// A symbolic link is followed inside the folder only, never to a folder that contains it. Each file is taken once.
struct BlogFiles {
    enum Finding: Equatable {
        case candidate
        case notPost(because: String)
        /// May well be a post, and can't be taken.
        case skipped(because: String)
    }

    /// Where blogs keep their posts: Jekyll, Hugo and Zola, Eleventy, Astro, Hexo.
    private static let folders = [
        "posts", "_posts", "_drafts", "content", "blog", "src/posts", "src/blog", "src/content", "source/_posts", "source/_drafts",
    ]
    private static let markdown: Set<String> = ["md", "markdown", "mkd", "mkdn", "mkdown", "mdown"]
    private static let otherMarkup: Set<String> = ["html", "htm", "mdx", "textile", "adoc", "asciidoc", "org", "rst"]
    private static let notPosts: Set<String> = ["readme", "license", "_index", "changelog", "contributing"]

    let system: FileSystem
    private(set) var findings: [(path: BlogPath, finding: Finding)] = []
    private var links: [BlogPath] = []
    private var seen: Set<FileSystem.Identity> = []
    /// The first folder that can't be read.
    private var unread: (folder: BlogPath, reason: FileSystem.Failure)?

    /// Walks through the known folders, or, where there is none, through the files of the folder itself without its subfolders.
    init(root: String) throws(BlogError) {
        do throws(FileSystem.Failure) {
            system = try FileSystem(root: root)
            guard try system.look(at: .root).kind == .folder else { throw FileSystem.Failure(code: ENOTDIR) }
        } catch {
            throw error.isAbsence ? .notAFolder(root) : .unreadable(root, because: "\(error)")
        }
        var hasFolders = false
        for name in Self.folders where enter(BlogPath.root.appending(name)) { hasFolders = true }
        if !hasFolders { visit(.root, isDeep: false) }
        followLinks()
        leaveOutResources()
        findings.sort { $0.path.bytes.lexicographicallyPrecedes($1.path.bytes) }
        if findings.contains(where: { $0.finding == .candidate }) { return }
        if let unread { throw .unreadable(unread.folder == .root ? root : "\(root)/\(unread.folder.text)", because: "\(unread.reason)") }
        throw .noPosts(root)
    }

    /// Reads one of the known folders; false when it is not there.
    private mutating func enter(_ folder: BlogPath) -> Bool {
        do throws(FileSystem.Failure) {
            guard try system.look(at: folder).kind == .folder else { return false }
            switch try system.kind(of: folder) {
            case .folder: visit(folder, isDeep: true)
            case .link: links.append(folder)
            case .file, .other: break
            }
            return true
        } catch {
            if error.isAbsence { return false }
            skip(folder, because: error)
            return true
        }
    }

    private mutating func skip(_ folder: BlogPath, because reason: FileSystem.Failure) {
        unread = unread ?? (folder: folder, reason: reason)
        findings.append((folder, .skipped(because: "the folder can't be read: \(reason)")))
    }

    private mutating func visit(_ folder: BlogPath, isDeep: Bool) {
        let names: [[UInt8]]
        do throws(FileSystem.Failure) {
            guard seen.insert(try system.look(at: folder).identity).inserted else { return }
            names = try system.names(in: folder)
        } catch {
            return skip(folder, because: error)
        }
        for name in names {
            let path = folder.appending(name)
            do throws(FileSystem.Failure) {
                switch try system.kind(of: path) {
                case .folder: if isDeep { visit(path, isDeep: true) }
                case .link: links.append(path)
                case .file: take(path, seen: try system.look(at: path).identity)
                case .other: break
                }
            } catch {
                // Its neighbours are read all the same.
                findings.append((path, .skipped(because: "can't be looked at: \(error)")))
            }
        }
    }

    /// Real files go before links to them, so a post has the same path whatever the order of the names.
    private mutating func followLinks() {
        while !links.isEmpty {
            let link = links.removeFirst()
            do {
                let (kind, identity) = try system.look(at: link)
                guard let target = try system.target(of: link) else {
                    if kind == .folder || Self.mayBePost(link) { findings.append((link, .skipped(because: "is a link out of the folder"))) }
                    continue
                }
                switch kind {
                case .folder:
                    let isAncestor = target == .root || link.bytes.starts(with: target.bytes + [UInt8(ascii: "/")])
                    if !isAncestor { visit(link, isDeep: true) }
                case .file:
                    if seen.contains(identity) {
                        if Self.mayBePost(link) { findings.append((link, .notPost(because: "is a link to \(target.text)"))) }
                    } else {
                        take(link, seen: identity)
                    }
                case .link, .other: break
                }
            } catch {
                if Self.mayBePost(link) { findings.append((link, .skipped(because: "is a link that leads nowhere: \(error)"))) }
            }
        }
    }

    private mutating func take(_ path: BlogPath, seen identity: FileSystem.Identity) {
        seen.insert(identity)
        let (stem, ending) = Self.parts(of: path)
        if Self.markdown.contains(ending) {
            let isPage = Self.notPosts.contains(stem.split(separator: ".").first.map { $0.lowercased() } ?? "")
            findings.append((path, isPage ? .notPost(because: "is a page of the site or of the project") : .candidate))
        } else if Self.otherMarkup.contains(ending) {
            do throws(FileSystem.Failure) {
                let head = try system.contents(of: path).prefix(3)
                guard head.elementsEqual("---".utf8) || head.elementsEqual("+++".utf8) else { return }
                findings.append((path, .skipped(because: "is not Markdown")))
            } catch {
                findings.append((path, .skipped(because: "is not Markdown, and can't be read: \(error)")))
            }
        }
    }

    /// Files beside or below a page bundle's `index.md` belong to that page (Hugo, Zola). The folders that blogs keep their posts in are no bundles.
    private mutating func leaveOutResources() {
        func isIndex(_ path: BlogPath) -> Bool { Self.parts(of: path).stem.split(separator: ".").first?.lowercased() == "index" }
        let tops = Set(Self.folders.map { BlogPath.root.appending($0) } + [.root])
        let bundles = Dictionary(
            findings.filter { $0.finding == .candidate && isIndex($0.path) && !tops.contains($0.path.folder) }.map { ($0.path.folder, $0.path) }
        ) { first, _ in first }
        for index in findings.indices where findings[index].finding == .candidate {
            let path = findings[index].path
            var folder = path.folder
            if isIndex(path) { folder = folder.folder }
            while folder != .root {
                if let bundle = bundles[folder] {
                    findings[index].finding = .notPost(because: "belongs to the page \(bundle.text)")
                    break
                }
                folder = folder.folder
            }
        }
    }

    private static func mayBePost(_ path: BlogPath) -> Bool {
        let (stem, ending) = parts(of: path)
        return markdown.contains(ending) && !notPosts.contains(stem.lowercased())
    }

    private static func parts(of path: BlogPath) -> (stem: String, ending: String) {
        let name = BlogPath(bytes: Array(path.name)).text
        guard let dot = name.lastIndex(of: "."), dot > name.startIndex else { return (name, "") }
        return (String(name[..<dot]), name[name.index(after: dot)...].lowercased())
    }
}
