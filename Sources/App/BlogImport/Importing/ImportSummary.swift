/// The result of an import, in numbers.
package struct ImportSummary: Sendable, Equatable, CustomStringConvertible {
    /// Files read as posts.
    package var read = 0
    package var created = 0
    /// Of those, how many stay drafts.
    package var drafts = 0
    /// And how many are published by themselves at a time to come.
    package var scheduled = 0
    /// Posts of earlier imports that were published, scheduled or updated.
    package var updated = 0
    package var unchanged = 0
    /// Posts left as they are although their files differ from them: changed, edited or deleted here, renamed, gone.
    package var told = 0
    /// Files that may well be posts and could not become any, and what the system refused.
    package var failed = 0
    package var authorsMade = 0
    /// New posts of more than one author, which the first of them owns alone: a post of this system has one author.
    package var ofSeveralAuthors = 0

    package init() {}

    /// One line.
    package var description: String {
        let new = "\(created) created (\(drafts) as drafts\(scheduled > 0 ? ", \(scheduled) scheduled" : ""))"
        return "\(read) posts read: \(new), \(updated) updated, \(unchanged) unchanged, \(told) left as they are, "
            + "\(failed) failed; \(authorsMade) authors made; \(ofSeveralAuthors) posts of several authors belong to the first"
    }
}

/// News of a running import, in order.
package enum ImportNotice: Sendable, Equatable {
    case line(String)
    /// So many of the authors and posts together are done.
    case progress(completed: Int, total: Int)
}
