package import EventSourcing
package import FoundationEssentials
package import JSON

/// The changes in a stretch of the log that concern readers of published posts, as the command service tells the query service. Ids only: the
/// query service looks up the words.
package struct PostChanges: Sendable, Equatable {
    package enum Kind: String, Sendable, CaseIterable {
        case published, edited, unpublished, deleted, viewed
    }

    package struct Change: Sendable, Equatable {
        package let position: Int64
        package let kind: Kind
        package let posts: [UUID]
        /// When the log took it.
        package let at: Timestamp

        package init(position: Int64, kind: Kind, posts: [UUID], at: Timestamp) {
            self.position = position
            self.kind = kind
            self.posts = posts
            self.at = at
        }
    }

    /// In the order of positions.
    package var changes: [Change]
    /// Every change up to this position is here, or came before.
    package var through: Int64
    /// The log's last position.
    package var head: Int64
    /// Whether words that were public before may not be any more.
    package var withdraws: Bool

    package init(changes: [Change] = [], through: Int64, head: Int64, withdraws: Bool = false) {
        self.changes = changes
        self.through = through
        self.head = head
        self.withdraws = withdraws
    }

    package func write(to writer: inout JSONWriter) {
        writer.object {
            $0.member("through", through)
            $0.member("head", head)
            $0.member("withdraws", withdraws)
            $0.name("changes")
            $0.array { list in
                for change in changes {
                    list.object {
                        $0.member("position", change.position)
                        $0.member("kind", change.kind.rawValue)
                        $0.name("posts")
                        $0.array { posts in for post in change.posts { posts.string(post.lowercased) } }
                        $0.member("at", change.at)
                    }
                }
            }
        }
    }

    /// Reads what `write` has written; nil for anything else.
    package init?(_ json: JSONValue) {
        guard let through = json["through"]?.int, let head = json["head"]?.int, case .bool(let withdraws)? = json["withdraws"],
            case .array(let list)? = json["changes"]
        else { return nil }
        let changes = list.compactMap { Change($0) }
        guard changes.count == list.count else { return nil }
        self.init(changes: changes, through: through, head: head, withdraws: withdraws)
    }
}

extension PostChanges.Change {
    fileprivate init?(_ json: JSONValue) {
        guard let position = json["position"]?.int, let kind = json["kind"]?.text.flatMap(PostChanges.Kind.init(rawValue:)),
            case .array(let texts)? = json["posts"], let at = json["at"]?.text.flatMap({ Timestamp($0) })
        else { return nil }
        let posts = texts.compactMap { $0.text.flatMap { UUID(lowercase: $0) } }
        guard posts.count == texts.count else { return nil }
        self.init(position: position, kind: kind, posts: posts, at: at)
    }
}
