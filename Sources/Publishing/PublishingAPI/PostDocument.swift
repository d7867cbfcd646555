package import EventSourcing
package import FoundationEssentials
package import JSON

/// A post as the API shows it. What its author took back is nil, and null in the JSON.
package struct PostDocument: Sendable {
    package enum Text: Sendable {
        case content(String?)
        /// The content's beginning, as lists show it.
        case excerpt(String?)
    }

    package struct Author: Sendable {
        package let id: UUID
        package let username: String?
        package let displayName: String?

        package init(id: UUID, username: String?, displayName: String?) {
            self.id = id
            self.username = username
            self.displayName = displayName
        }
    }

    package let id: UUID
    package let title: String?
    package let slug: String?
    package let text: Text
    package let isPublished: Bool
    /// Nil for a post as it stood in the past: nobody knows how many had seen it.
    package let viewCount: Int64?
    package let author: Author
    package let createdAt: Timestamp?
    package let updatedAt: Timestamp?
    package let publishedAt: Timestamp?
    /// When it is to be published by itself. Only a draft has one, so nobody but its author and admins sees it.
    package let scheduledAt: Timestamp?
    package let version: Int

    package init(
        id: UUID, title: String?, slug: String?, text: Text, isPublished: Bool, viewCount: Int64?, author: Author, createdAt: Timestamp?,
        updatedAt: Timestamp?, publishedAt: Timestamp?, scheduledAt: Timestamp? = nil, version: Int
    ) {
        self.id = id
        self.title = title
        self.slug = slug
        self.text = text
        self.isPublished = isPublished
        self.viewCount = viewCount
        self.author = author
        self.createdAt = createdAt
        self.updatedAt = updatedAt
        self.publishedAt = publishedAt
        self.scheduledAt = scheduledAt
        self.version = version
    }

    package var access: PostAccess { PostAccess(author: author.id, isPublished: isPublished) }

    /// Writes it as an object.
    /// - Parameter viewCounts: gets the place of the view count among the writer's bytes. An entity tag leaves it out: else each reader would change
    ///   the tag.
    package func write(to writer: inout JSONWriter, viewCounts: inout [Range<Int>]) {
        writer.object {
            $0.member("id", id)
            $0.member("title", title)
            $0.member("slug", slug)
            switch text {
            case .content(let text): $0.member("content", text)
            case .excerpt(let text): $0.member("excerpt", text)
            }
            $0.member("published", isPublished)
            if let viewCount {
                let start = $0.bytes.count
                $0.member("viewCount", viewCount)
                viewCounts.append(start..<$0.bytes.count)
            }
            $0.name("author")
            $0.object {
                $0.member("id", author.id)
                $0.member("username", author.username)
                $0.member("displayName", author.displayName)
            }
            $0.member("createdAt", createdAt)
            $0.member("updatedAt", updatedAt)
            $0.member("publishedAt", publishedAt)
            if let scheduledAt { $0.member("scheduledAt", scheduledAt) }
            $0.member("version", version)
        }
    }
}

/// The parts of a post that decide who may read it, and who may see and do what only its author and admins may.
package struct PostAccess: Sendable {
    package let author: UUID
    package let isPublished: Bool

    package init(author: UUID, isPublished: Bool) {
        self.author = author
        self.isPublished = isPublished
    }
}
