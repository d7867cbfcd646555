/// Decides whether a post is public: only when everything in its front matter says so.
struct PostVisibility {
    /// The reason for a draft; nil when the file asks to be public.
    private(set) var objection: String?

    private static let wanted: [(name: String, value: Bool)] = [
        ("published", true), ("public", true), ("render", true), ("draft", false), ("isDraft", false), ("private", false), ("hidden", false),
        ("unlisted", false), ("headless", false), ("eleventyExcludeFromCollections", false),
    ]
    private static let publicStates: Set<String> = ["published", "publish", "public", "live"]

    init(_ fields: FrontMatterValue, file: String, isHeadless: Bool) {
        objection =
            isHeadless ? "it has no front matter" : Self.objectionOfFolder(file) ?? Self.objectionOfFlags(fields) ?? Self.objectionOfStates(fields)
    }

    private static func objectionOfFolder(_ file: String) -> String? {
        file.split(separator: "/").dropLast().contains("_drafts") ? "it lies in _drafts" : nil
    }

    private static func objectionOfFlags(_ fields: FrontMatterValue) -> String? {
        for (name, wanted) in wanted {
            for written in fields.all(name) {
                // `published` may also be a date.
                if name == "published", let text = written.text, BlogDate.read(text) != nil { continue }
                guard let value = written.bool else { return "\(name) is neither true nor false" }
                if value != wanted { return "\(name) is \(value)" }
            }
        }
        return nil
    }

    private static func objectionOfStates(_ fields: FrontMatterValue) -> String? {
        for name in ["status", "visibility", "postStatus"] {
            for written in fields.all(name) where !publicStates.contains(written.text?.lowercased() ?? "") {
                return "\(name) is \(written.text ?? "no text")"
            }
        }
        if fields["password"] != nil { return "it has a password" }
        // Eleventy writes no page then.
        if fields["permalink"]?.bool == false { return "permalink is false" }
        for build in fields.all("build") {
            for name in ["render", "list"] {
                if let value = build[name]?.text?.lowercased(), value == "never" || value == "false" { return "build.\(name) is \(value)" }
            }
        }
        return nil
    }
}
