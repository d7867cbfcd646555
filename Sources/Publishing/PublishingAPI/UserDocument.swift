package import EventSourcing
package import FoundationEssentials
package import JSON

/// An account as the API shows it. Which members an answer has depends on who asks.
package struct UserDocument: Sendable {
    package enum Member: Sendable {
        case email, displayName, bio, status, postCount, version
    }

    package let id: UUID
    package let username: String?
    package let role: String?
    package let createdAt: Timestamp?
    package var email: String?
    package var displayName: String?
    package var bio: String?
    package var status: String?
    /// Published posts.
    package var postCount: Int64 = 0
    package var version = 0

    package init(id: UUID, username: String?, role: String?, createdAt: Timestamp?) {
        self.id = id
        self.username = username
        self.role = role
        self.createdAt = createdAt
    }

    /// Writes it as an object: id, username, role and creation time, and the other members asked for.
    package func write(_ members: Set<Member>, to writer: inout JSONWriter) {
        writer.object {
            $0.member("id", id)
            $0.member("username", username)
            if members.contains(.email) { $0.member("email", email) }
            if members.contains(.displayName) { $0.member("displayName", displayName) }
            if members.contains(.bio) { $0.member("bio", bio) }
            $0.member("role", role)
            if members.contains(.status) { $0.member("status", status) }
            if members.contains(.postCount) { $0.member("postCount", postCount) }
            $0.member("createdAt", createdAt)
            if members.contains(.version) { $0.member("version", version) }
        }
    }
}
