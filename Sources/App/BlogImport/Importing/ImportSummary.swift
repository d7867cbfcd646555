/// What an import found and did, in numbers.
package struct ImportSummary: Sendable, Equatable, CustomStringConvertible {
    /// Posts read from the folder.
    package var read = 0
    /// Files that could not become posts.
    package var skipped = 0
    /// Posts made by this run.
    package var created = 0
    /// Posts published by this run, those included that an earlier run had left as drafts.
    package var published = 0
    /// Posts made by this run that stay drafts.
    package var drafts = 0
    /// Posts that needed nothing.
    package var alreadyThere = 0
    /// Posts and authors that the system refused; each has its oddity.
    package var failed = 0
    package var authorsMade = 0
    /// Posts of more than one author, which the first of them owns alone: a post of this system has one author.
    package var ofSeveralAuthors = 0

    package init() {}

    /// One line.
    package var description: String {
        "\(read) posts read, \(created) created, \(published) published, \(drafts) left as drafts, \(alreadyThere) already there, \(skipped) skipped, "
            + "\(failed) failed; \(authorsMade) authors made; \(ofSeveralAuthors) posts of several authors belong to the first"
    }
}

/// What a running import has to tell, in the order it happens.
package enum ImportNotice: Sendable, Equatable {
    case oddity(Oddity)
    /// So many of the authors and posts together are done.
    case progress(completed: Int, total: Int)
}
