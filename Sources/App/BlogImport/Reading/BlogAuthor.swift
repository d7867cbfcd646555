/// Someone who wrote posts, as the account that will own them.
package struct BlogAuthor: Sendable, Equatable {
    /// As the posts write it.
    package let key: String
    /// 3–30 of `a-z 0-9 _`, unique within the blog.
    package let username: String
    package let displayName: String

    /// Under the reserved top-level domain (RFC 2606 §2) that no mail can reach.
    package var email: String { "\(username)@import.invalid" }

    static let usernameLengths = 3...30

    /// The accounts for these keys, in the order of the keys. Keys that fold to one username are numbered from the second on, so the same keys always get
    /// the same names.
    static func named(_ keys: Set<String>, displayNames: [String: String]) -> [BlogAuthor] {
        var taken: Set<String> = []
        return keys.sorted().map { key in
            let base = username(folding: key)
            var username = base
            var number = 2
            while !taken.insert(username).inserted {
                let suffix = "_\(number)"
                username = base.prefix(usernameLengths.upperBound - suffix.count) + suffix
                number += 1
            }
            return BlogAuthor(key: key, username: username, displayName: displayNames[key] ?? key)
        }
    }

    /// One key as a username: other characters become `_`, a short one is padded with it, a long one cut.
    package static func username(folding key: String) -> String {
        let folded = key.unicodeScalars.map { $0.foldedToASCII ?? "_" }.joined().prefix(usernameLengths.upperBound)
        return folded + String(repeating: "_", count: max(0, usernameLengths.lowerBound - folded.count))
    }
}
