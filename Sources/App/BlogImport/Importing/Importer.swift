import EventSourcing
package import FoundationEssentials
import PublishingAPI

/// Carries out a plan through the HTTP API of the running system: authors first, then posts.
///
/// Each event says which import and which file it comes from, so the next import knows what is there. Running it once more finishes an import
/// that was killed.
package struct Importer: Sendable {
    /// Names the run, in the log and for taking it back.
    package let id: UUID
    private let client: APIClient
    private let concurrency: Int
    private let notify: @Sendable (ImportNotice) -> Void

    /// `concurrency` is how many requests are under way at once; `notify` is called from one task at a time.
    package init(client: APIClient, id: UUID = .v7(), concurrency: Int = 8, notify: @escaping @Sendable (ImportNotice) -> Void = { _ in }) {
        self.client = client
        self.id = id
        self.concurrency = concurrency
        self.notify = notify
    }

    /// Carries out the plan. Throws ``ImportStopped`` when the system can't be reached or answers nonsense; trouble with one author or post is a
    /// line.
    package func run(_ plan: ImportPlan, for accounts: NamedAccounts = NamedAccounts()) async throws -> ImportSummary {
        guard let hashes = plan.hashes else { preconditionFailure("a plan that was compared with no system can't be carried out") }
        // Tells a system that takes no token of the operator from an author whose account is not active.
        _ = try await client.success(of: APIRequest(.get, "\(Endpoint.listUsers.path())?limit=1", as: .operatorAdmin))
        var summary = ImportSummary(plan)
        plan.remarks.forEach { notify(.line($0)) }
        for line in plan.entries.filter(\.isNews).flatMap(\.lines) { notify(.line(line)) }

        let work = plan.entries.filter(\.isWork)
        let authors = Set(work.filter { $0.action == .create }.compactMap { $0.post?.authors.first }).sorted()
        var completed = 0
        func step() {
            completed += 1
            notify(.progress(completed: completed, total: authors.count + work.count))
        }
        let settling = AuthorAccounts(client: client, plan: plan, named: accounts)
        var owners: [String: UUID] = [:]
        try await forEach(of: authors, limit: concurrency, run: { try await settling.settle($0, hashes) }) { result in
            owners[result.author] = result.id
            if result.isNew { summary.authorsMade += 1 }
            if let failure = result.failure { notify(.line(failure)) }
            step()
        }
        let ids = owners
        let writer = PostWriter(client: client, hashes: hashes, id: id, records: plan.records)
        try await forEach(of: work, limit: concurrency, run: { ($0, try await writer.write($0, owner: $0.post?.authors.first.flatMap { ids[$0] })) })
        {
            entry, outcome in
            if let line = summary.count(outcome, of: entry) { notify(.line("\(entry.path ?? ""): \(line)")) }
            step()
        }
        return summary
    }
}

extension ImportPlan.Entry {
    /// Whether the system has to be asked for something.
    fileprivate var isWork: Bool {
        switch action {
        case .create, .publish, .schedule, .update: true
        case .nothing, .skip: false
        }
    }
}

extension ImportSummary {
    fileprivate init(_ plan: ImportPlan) {
        read = plan.entries.count { $0.post != nil }
        for entry in plan.entries {
            switch entry.action {
            case .create: if (entry.post?.authors.count ?? 0) > 1 { ofSeveralAuthors += 1 }
            case .publish, .schedule, .update: break
            case .skip: failed += 1
            case .nothing(let standing):
                switch standing {
                case .unchanged: unchanged += 1
                case .changed, .expired, .edited, .deleted, .moved, .gone: told += 1
                case .notPost: break
                }
            }
        }
    }

    /// Returns what is to be said of it.
    fileprivate mutating func count(_ outcome: PostWriter.Outcome?, of entry: ImportPlan.Entry) -> String? {
        switch outcome {
        case .created(let visibility, let slug):
            created += 1
            switch visibility {
            case .everyone: break
            case .scheduled: scheduled += 1
            case .draft: drafts += 1
            }
            return slug == entry.slug ? nil : "the slug \(entry.slug ?? "") is taken in the system; \(slug) is used"
        case .published, .scheduled:
            updated += 1
            return nil
        case .updated(let slugStays):
            updated += 1
            return slugStays ? "the slug \(entry.post?.slug ?? "") is taken in the system; the post keeps the one it has" : nil
        case .edited:
            failed += 1
            return "not imported: it was changed here meanwhile"
        case .refused(let reason):
            failed += 1
            return "not imported: \(reason)"
        case nil: return nil
        }
    }
}
