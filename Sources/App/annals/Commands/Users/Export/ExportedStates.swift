import EventSourcing
import FoundationEssentials
import JSON
import Publishing

extension FoldedStream<UserRules> {
    /// The account as it is. Personal parts are null once they are forgotten.
    var record: JSONObject {
        let account = state.account
        return [
            "username": account.json(\.username), "email": account.json(\.email), "displayName": account.json(\.displayName),
            "bio": account.json(\.bio), "role": account.map { .string($0.role.rawValue) } ?? .null,
            "registeredAt": createdAt.json, "changedAt": updatedAt.json, "version": .integer(Int64(version)),
        ]
    }
}

extension FoldedStream<PostRules> {
    /// The post as it is. Only the events are left of a deleted one.
    func record(id: UUID) -> JSONObject {
        let post = state.post
        return [
            "id": .string(id.lowercased), "status": .string(state.statusName), "title": post.json(\.title), "slug": post.json(\.slug),
            "content": post.json(\.content), "draftedAt": createdAt.json, "changedAt": updatedAt.json, "version": .integer(Int64(version)),
        ]
    }
}

extension PostState {
    fileprivate var statusName: String {
        switch self {
        case .nonexistent: "nonexistent"
        case .draft: "draft"
        case .published: "published"
        case .deleted: "deleted"
        }
    }
}

extension Optional {
    fileprivate func json(_ part: KeyPath<Wrapped, Personal<String>>) -> JSONValue {
        flatMap { $0[keyPath: part].value }.map { .string($0) } ?? .null
    }
}

extension Timestamp? {
    fileprivate var json: JSONValue { map { .string($0.description) } ?? .null }
}
