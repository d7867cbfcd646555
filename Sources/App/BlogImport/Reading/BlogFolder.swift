package import EventSourcing

/// A blog of Markdown files, read whole: what an import will bring into the system.
package struct BlogFolder: Sendable {
    /// In the order of their files.
    package let posts: [BlogPost]
    /// Those the posts name, in the order of their keys.
    package let authors: [BlogAuthor]
    package let oddities: [Oddity]
    /// Files that could not become posts; each has its oddity.
    package let skipped: Int

    /// Reads the posts in `posts/`, `_posts/` and `content/`, or else in the folder itself, and the authors' names where there is a list of them. The result
    /// depends on the files alone, and on `now` for dates that lie ahead. Throws when there is nothing to read; a single bad file is an oddity.
    package static func read(path: String, now: Timestamp = .now) throws(BlogFolderError) -> BlogFolder {
        let files = try BlogFiles(root: path)
        var posts: [BlogPost] = []
        var oddities: [Oddity] = []
        let paths = try files.posts()
        for file in paths {
            guard let text = text(of: file, in: files, &oddities) else { continue }
            var reader = PostReader(file: file, now: now)
            if let post = reader.read(text) { posts.append(post) }
            oddities += reader.oddities
        }
        oddities += posts.makeSlugsUnique()
        let authors = authors(of: posts, in: files, &oddities)
        return BlogFolder(posts: posts, authors: authors, oddities: oddities, skipped: paths.count - posts.count)
    }

    private static func text(of file: String, in files: BlogFiles, _ oddities: inout [Oddity]) -> String? {
        do {
            guard let bytes = try files.contents(of: file) else { return nil }
            if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
                oddities.append(Oddity(file: file, message: "is UTF-16, not UTF-8; skipped"))
                return nil
            }
            if let text = String(validating: bytes, as: UTF8.self) { return text }
            oddities.append(Oddity(file: file, message: "has bytes that are not UTF-8; they are replaced"))
            return String(decoding: bytes, as: UTF8.self)
        } catch {
            oddities.append(Oddity(file: file, message: "\(error); skipped"))
            return nil
        }
    }

    private static func authors(of posts: [BlogPost], in files: BlogFiles, _ oddities: inout [Oddity]) -> [BlogAuthor] {
        let firstUse = Dictionary(posts.flatMap { post in post.authors.map { ($0, post.file) } }) { first, _ in first }
        let keys = Set(firstUse.keys)
        for path in AuthorDirectory.paths {
            guard let text = text(of: path, in: files, &oddities) else { continue }
            do {
                let directory = try AuthorDirectory(text, path: path)
                let strangers = keys.subtracting(directory.displayNames.keys).subtracting([BlogPost.unknownAuthor])
                for key in strangers.sorted() {
                    oddities.append(Oddity(file: firstUse[key] ?? path, message: "its author \(key) is not in \(path); the key serves as the name"))
                }
                return BlogAuthor.named(keys, displayNames: directory.displayNames)
            } catch {
                oddities.append(Oddity(file: path, message: "\(error); the keys serve as names"))
                break
            }
        }
        return BlogAuthor.named(keys, displayNames: [:])
    }
}

extension [BlogPost] {
    /// Gives every post a slug of its own. The oldest keeps it, so that a post added later does not take the address of one already imported; the others get
    /// their date, then a number.
    fileprivate mutating func makeSlugsUnique() -> [Oddity] {
        let oldestFirst = indices.sorted { left, right in
            let dates = (self[left].date?.milliseconds ?? .max, self[right].date?.milliseconds ?? .max)
            return dates.0 == dates.1 ? self[left].file < self[right].file : dates.0 < dates.1
        }
        var taken: Set<String> = []
        var oddities: [Oddity] = []
        for index in oldestFirst where !taken.insert(self[index].slug).inserted {
            let wanted = self[index].slug
            let base = self[index].date.map { Self.appending("-\($0.description.prefix(10))", to: wanted) } ?? wanted
            var slug = base
            var number = 2
            while !taken.insert(slug).inserted {
                slug = Self.appending("-\(number)", to: base)
                number += 1
            }
            self[index].slug = slug
            oddities.append(Oddity(file: self[index].file, message: "its slug \(wanted) is another's; \(slug) is used"))
        }
        return oddities
    }

    private static func appending(_ suffix: String, to slug: String) -> String {
        Slug.cut(slug, to: Slug.maximumLength - suffix.utf8.count) + suffix
    }
}
