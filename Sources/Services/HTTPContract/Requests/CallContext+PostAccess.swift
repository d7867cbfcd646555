import AccessTokens
package import FoundationEssentials
package import PublishingAPI

extension CallContext {
    /// Whether the caller may see and do what only that author and admins may.
    package func mayManage(postsOf author: UUID) -> Bool { PostAccess.mayManage(postsOf: author, user?.id, isAdmin: isAdmin) }

    /// Whether the caller may read the post.
    package func mayRead(_ post: PostAccess) -> Bool { post.isReadable(by: user?.id, isAdmin: isAdmin) }

    /// Throws unless the caller may have what only the post's author and admins may: 403, or 404 for a draft of somebody else.
    package func requireManagement(of post: PostAccess, or hidden: Problem = .notFound()) throws(Problem) {
        switch post.management(by: user?.id, isAdmin: isAdmin) {
        case .granted: return
        case .forbidden: throw .forbidden("Only its author and admins may do this.")
        case .hidden: throw hidden
        }
    }

    private var isAdmin: Bool { user?.role == .admin }
}
