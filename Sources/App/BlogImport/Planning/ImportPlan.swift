package import EventSourcing
import FoundationEssentials

/// The work of an import, file by file.
package struct ImportPlan: Sendable {
    /// The fate of a file.
    package enum Action: Sendable, Equatable {
        case create
        /// It was imported as a draft, and everything says now that it is public.
        case publish
        /// It was imported as a draft, and is to be published at a time to come.
        case schedule
        case update
        case nothing(Standing)
        case skip(because: String)
    }

    /// Why nothing happens to a file, or to a post without one.
    package enum Standing: Sendable, Equatable {
        case unchanged
        /// Another text than the imported one, which an import with `--update` would bring.
        case changed
        /// Unchanged, but its date of expiry has come. `--update` hides the post, or takes its schedule back.
        case expired
        /// Changed both in the folder and in the system, where it stays as it is.
        case edited
        /// Deleted in the system, where it stays deleted.
        case deleted
        /// The same post as that of a file that is no longer there.
        case moved
        case notPost(because: String)
        /// Its file is no longer in the folder.
        case gone
    }

    package struct Entry: Sendable {
        /// Nil for a post whose file is gone.
        package let path: String?
        package let post: BlogPost?
        package let action: Action
        /// The post's own, and wanted for a new one.
        package let slug: String?
        package let remarks: [String]
        /// The imported post that the file has become.
        let record: ImportRecords.Post?
    }

    package let entries: [Entry]
    /// Remarks on no single file.
    package let remarks: [String]
    let displayNames: [String: String]
    let records: ImportRecords
    let hashes: ImportHashes?

    /// Compares a blog with what is there.
    /// - Parameters:
    ///   - streams: what imports have written so far.
    ///   - hashes: nil where there is no system to compare with; then each post is new.
    ///   - update: whether changed files change posts.
    package init(_ blog: Blog, comparedWith streams: [ImportedStream], _ hashes: ImportHashes?, update: Bool) {
        let records = ImportRecords(streams, collection: hashes?.collection ?? "")
        let gone = hashes.map { records.posts(withoutFileIn: Set(blog.files.map(\.path).map($0.source))) } ?? []
        // Of two posts with one text, nobody can tell which file was renamed.
        var twins = Dictionary(grouping: gone, by: \.digest).filter { $0.value.count == 1 }

        var entries: [Entry] = []
        var moved: Set<UUID> = []
        for file in blog.files {
            guard let post = file.post, let hashes else {
                entries.append(Entry(file, .create, nil))
                continue
            }
            var remarks: [String] = []
            let record = records.posts[hashes.source(file.path)]
            var action = Self.action(post, digest: hashes.digest(post), record, update: update)
            if action == .create, let twin = twins.removeValue(forKey: hashes.digest(post)) {
                action = .nothing(.moved)
                moved.formUnion(twin.map(\.id))
            }
            if let record, action == .update || action == .nothing(.changed), record.origin.author != hashes.author(post.authors[0]) {
                remarks.append("names another author now; a post keeps its author")
            }
            entries.append(Entry(file, action, record, remarks))
        }
        let slugs = Self.slugs(of: entries)
        self.entries =
            zip(entries, slugs).map { $0.with($1) }
            + gone.filter { !moved.contains($0.id) }.map { Entry(path: nil, post: nil, action: .nothing(.gone), slug: nil, remarks: [], record: $0) }
        var remarks = blog.remarks
        if !gone.isEmpty, gone.count == records.posts.values.count(where: { !$0.isDeleted }), moved.isEmpty {
            remarks.append("none of the \(gone.count) files imported before is here; another blog wants a name of its own, with --blog")
        }
        self.remarks = remarks
        displayNames = blog.displayNames
        self.records = records
        self.hashes = hashes
    }

    private static func action(_ post: BlogPost, digest: String, _ record: ImportRecords.Post?, update: Bool) -> Action {
        guard let record else { return .create }
        if record.isDeleted { return .nothing(.deleted) }
        if record.digest != digest { return record.isTouched ? .nothing(.edited) : update ? .update : .nothing(.changed) }
        if record.isTouched { return .nothing(.unchanged) }
        // The same file may say something else today: its date has come, or it has expired. Or a run ended before it published what it had made.
        switch post.visibility {
        // A schedule is carried out by the system.
        case .everyone: return record.isPublic || record.isScheduled ? .nothing(.unchanged) : .publish
        case .scheduled: return record.isPublic || record.isScheduled ? .nothing(.unchanged) : .schedule
        case .draft: return !record.isPublic && !record.isScheduled ? .nothing(.unchanged) : update ? .update : .nothing(.expired)
        }
    }

    /// Gives each new post a slug that no other new one has. The oldest keeps the wanted one; the others add their language, else their date, else
    /// a number.
    private static func slugs(of entries: [Entry]) -> [String?] {
        var slugs = entries.map { $0.post?.slug }
        let new = entries.indices.filter { entries[$0].action == .create && entries[$0].post != nil }
        let oldestFirst = new.sorted { left, right in
            let dates = [left, right].map { entries[$0].post?.date?.milliseconds ?? .max }
            return dates[0] == dates[1] ? left < right : dates[0] < dates[1]
        }
        var taken: Set<String> = []
        for index in oldestFirst {
            guard let post = entries[index].post else { continue }
            slugs[index] = SlugCandidates(post).first { taken.insert($0).inserted } ?? post.slug
        }
        return slugs
    }
}

extension ImportPlan.Entry {
    fileprivate init(_ file: BlogFile, _ action: ImportPlan.Action, _ record: ImportRecords.Post?, _ more: [String] = []) {
        let action: ImportPlan.Action =
            switch file.outcome {
            case .post: action
            case .notPost(let reason): .nothing(.notPost(because: reason))
            case .skipped(let reason): .skip(because: reason)
            }
        self.init(path: file.path, post: file.post, action: action, slug: file.post?.slug, remarks: file.remarks + more, record: record)
    }

    fileprivate func with(_ slug: String?) -> Self {
        let remark = slug != post?.slug ? ["another file wants its slug \(post?.slug ?? ""); \(slug ?? "") is used"] : []
        return Self(path: path, post: post, action: action, slug: slug, remarks: remarks + remark, record: record)
    }
}
