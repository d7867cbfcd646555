extension PostRules {
    /// The stored event that begins a post, and the field of it that names the author: how an author's posts are found in the log.
    package static let authorship = (type: "PostDrafted", field: "author")
}
