import FoundationEssentials
import HTTPContract

extension CallContext {
    /// Whether the caller may see and do what only an author and admins may.
    func mayManage(postsOf author: UUID) -> Bool {
        user.map { $0.id == author || $0.role == .admin } ?? false
    }

    /// Whether the caller may see this post: a draft is for its author and admins.
    func maySee(_ post: PostRow) -> Bool { post.published || mayManage(postsOf: post.author) }
}
