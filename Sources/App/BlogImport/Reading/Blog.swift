package import EventSourcing

/// One file of a blog's folder, and what reading it came to.
package struct BlogFile: Sendable, Equatable {
    package enum Outcome: Sendable, Equatable {
        case post(BlogPost)
        case notPost(because: String)
        /// May well be a post, and can't be imported.
        case skipped(because: String)
    }

    /// Inside the folder, in UTF-8.
    package let path: String
    package let outcome: Outcome
    /// Things that were made up, left out or mended, a line each.
    package let remarks: [String]

    package var post: BlogPost? {
        if case .post(let post) = outcome { post } else { nil }
    }
}

/// A blog of Markdown files, read whole.
package struct Blog: Sendable {
    /// In the order of their paths.
    package let files: [BlogFile]
    /// The authors' names from the blog's own list, by the keys that posts write.
    package let displayNames: [String: String]
    /// Remarks on no single file.
    package let remarks: [String]

    package var posts: [BlogPost] { files.compactMap(\.post) }

    /// Reads the folder. The result depends on the files alone, and on `now` for dates that lie ahead. Throws when there is nothing to read;
    /// a fault of a single file is part of the result.
    package static func read(path: String, now: Timestamp = .now) throws(BlogError) -> Blog {
        let found = try BlogFiles(root: path)
        let siblings = Set(found.findings.filter { $0.finding == .candidate }.map { $0.path.text.withoutLastPart })
        let files = found.findings.map { path, finding in
            switch finding {
            case .candidate: read(path, found.system, siblings, now)
            case .notPost(let reason): BlogFile(path: path.text, outcome: .notPost(because: reason), remarks: [])
            case .skipped(let reason): BlogFile(path: path.text, outcome: .skipped(because: reason), remarks: [])
            }
        }
        let (displayNames, remarks) = authors(of: files, found.system)
        return Blog(files: files, displayNames: displayNames, remarks: remarks)
    }

    private static func read(_ path: BlogPath, _ system: FileSystem, _ siblings: Set<String>, _ now: Timestamp) -> BlogFile {
        let file = path.text
        var reader = PostReader(file: file, siblings: siblings, now: now)
        var remarks: [String] = []
        do {
            let bytes = try system.contents(of: path)
            guard !bytes.starts(with: [0xFF, 0xFE]), !bytes.starts(with: [0xFE, 0xFF]) else {
                throw PostReader.Refused(description: "is UTF-16, not UTF-8")
            }
            let text = String(validating: bytes, as: UTF8.self)
            if text == nil { remarks.append("has bytes that are not UTF-8; they are replaced") }
            let post = try reader.read(text ?? String(decoding: bytes, as: UTF8.self))
            return BlogFile(path: file, outcome: .post(post), remarks: remarks + reader.remarks)
        } catch is PostReader.Page {
            return BlogFile(path: file, outcome: .notPost(because: "is a page, not a post"), remarks: [])
        } catch let refused as PostReader.Refused {
            return BlogFile(path: file, outcome: .skipped(because: "\(refused)"), remarks: remarks + reader.remarks)
        } catch {
            return BlogFile(path: file, outcome: .skipped(because: "can't be read: \(error)"), remarks: [])
        }
    }

    private static func authors(of files: [BlogFile], _ system: FileSystem) -> (displayNames: [String: String], remarks: [String]) {
        let firstUse = Dictionary(files.flatMap { file in (file.post?.authors ?? []).map { ($0, file.path) } }) { first, _ in first }
        for path in AuthorDirectory.paths {
            let bytes: [UInt8]
            do throws(FileSystem.Failure) {
                bytes = try system.contents(of: BlogPath.root.appending(path))
            } catch {
                if error.isAbsence { continue }
                return ([:], ["\(path) can't be read: \(error); the keys serve as names"])
            }
            do {
                let names = try AuthorDirectory(String(decoding: bytes, as: UTF8.self), path: path).displayNames
                let unlisted = firstUse.keys.filter { names[$0] == nil && $0 != BlogPost.unknownAuthor }.sorted()
                return (names, unlisted.map { "\(firstUse[$0] ?? path): its author \($0) is not in \(path); the key serves as the name" })
            } catch {
                return ([:], ["\(path): \(error); the keys serve as names"])
            }
        }
        return ([:], [])
    }
}
