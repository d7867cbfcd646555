import FoundationEssentials

/// Brings a blog into the running system through its HTTP API: authors first, then posts. Whatever is there already is found again by its username or slug, so
/// an import that was killed is finished by running it once more, and one that was finished adds nothing.
package struct Importer: Sendable {
    private let client: APIClient
    private let concurrency: Int
    private let notify: @Sendable (ImportNotice) -> Void

    /// `concurrency` is how many requests are under way at once; `notify` is called from one task at a time.
    package init(client: APIClient, concurrency: Int = 8, notify: @escaping @Sendable (ImportNotice) -> Void = { _ in }) {
        self.client = client
        self.concurrency = concurrency
        self.notify = notify
    }

    /// Imports the blog. Throws ``ImportStopped`` when the system can't be reached or answers nonsense; anything that only concerns one author or post is an oddity.
    package func run(_ blog: BlogFolder) async throws -> ImportSummary {
        var summary = ImportSummary()
        summary.read = blog.posts.count
        summary.skipped = blog.skipped
        summary.ofSeveralAuthors = blog.posts.count { $0.authors.count > 1 }
        blog.oddities.forEach { notify(.oddity($0)) }

        let total = blog.authors.count + blog.posts.count
        var completed = 0
        func step() {
            completed += 1
            notify(.progress(completed: completed, total: total))
        }
        let accounts = AuthorAccounts(client: client)
        var owners: [String: UUID] = [:]
        try await forEach(of: blog.authors, limit: concurrency, run: { try await accounts.settle($0) }) { result in
            owners[result.author.key] = result.id
            if result.isNew { summary.authorsMade += 1 }
            for oddity in result.oddities {
                summary.failed += 1
                notify(.oddity(oddity))
            }
            step()
        }
        let ids = owners
        let publication = PostPublication(client: client)
        try await forEach(of: blog.posts, limit: concurrency, run: { try await publication.settle($0, owner: $0.authors.first.flatMap { ids[$0] }) })
        { outcome in
            summary.count(outcome)
            if case .failed(let oddity) = outcome { notify(.oddity(oddity)) }
            step()
        }
        return summary
    }
}

extension ImportSummary {
    fileprivate mutating func count(_ outcome: PostPublication.Outcome) {
        switch outcome {
        case .created(let isPublished):
            created += 1
            if isPublished { published += 1 } else { drafts += 1 }
        case .publishedNow: published += 1
        case .alreadyThere: alreadyThere += 1
        case .failed: failed += 1
        }
    }
}
