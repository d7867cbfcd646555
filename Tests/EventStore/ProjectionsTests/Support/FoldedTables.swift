import EventSourcing
import FoundationEssentials
import JSON
import Publishing

/// The rows that the read tables must hold, folded from events without any SQL.
struct FoldedTables {
    struct Post {
        let author: UUID
        var title: String?
        var slug: String?
        var content: String?
        let createdAt: Timestamp
        var updatedAt: Timestamp
        var publishedAt: Timestamp?
        var scheduledAt: Timestamp?
        var isPublished = false
        var version = 1
    }

    struct Account {
        var username: String?
        var email: String?
        var displayName: String?
        var bio: String?
        var role: Role
        var status = "active"
        let createdAt: Timestamp
        var updatedAt: Timestamp
        var version = 1
    }

    var posts: [UUID: Post] = [:]
    var authors: Set<UUID> = []
    var accounts: [UUID: Account] = [:]
    var statuses: Set<String> = []
    var views: [UUID: Int64] = [:]
    var hours: [UUID: [Int64: Int64]] = [:]
    var drafted: Set<UUID> = []

    mutating func fold(_ event: RecordedEvent) throws {
        switch event.stream.category {
        case "post": fold(try PostRules.decode(event), event)
        case "user": fold(try UserRules.decode(event), event)
        case "viewwindow":
            switch try ViewWindowRules.decode(event) {
            case .viewed(let counts): for (post, count) in counts { self.count(count, of: post, event) }
            }
        default:
            switch try ViewRules.decode(event) {
            case .viewed(let count): self.count(count, of: event.stream.id, event)
            }
        }
    }

    private mutating func count(_ count: Int64, of post: UUID, _ event: RecordedEvent) {
        views[post, default: 0] += count
        hours[post, default: [:]][event.recordedAt.milliseconds / 3_600_000, default: 0] += count
    }

    private mutating func fold(_ post: PostEvent, _ event: RecordedEvent) {
        let id = event.stream.id
        if case .drafted(let author, let title, let slug, let content) = post {
            posts[id] = Post(
                author: author, title: title.value, slug: slug.value, content: content.value, createdAt: event.recordedAt, updatedAt: event.recordedAt
            )
            authors.insert(author)
            drafted.insert(id)
            return
        }
        posts[id]?.updatedAt = event.recordedAt
        posts[id]?.version = event.version
        switch post {
        case .drafted: break
        case .edited(let title, let slug, let content):
            if let title { posts[id]?.title = title.value }
            if let slug { posts[id]?.slug = slug.value }
            if let content { posts[id]?.content = content.value }
        case .published(let time):
            posts[id]?.isPublished = true
            posts[id]?.publishedAt = time ?? event.recordedAt
            posts[id]?.scheduledAt = nil
        case .unpublished:
            posts[id]?.isPublished = false
            posts[id]?.publishedAt = nil
        case .scheduled(_, let time): posts[id]?.scheduledAt = time
        case .unscheduled: posts[id]?.scheduledAt = nil
        case .deleted: posts[id] = nil
        }
    }

    private mutating func fold(_ user: UserEvent, _ event: RecordedEvent) {
        let id = event.stream.id
        if case .registered(let username, let email, let role) = user {
            accounts[id] = Account(username: username.value, email: email.value, role: role, createdAt: event.recordedAt, updatedAt: event.recordedAt)
            statuses.insert("active")
            return
        }
        accounts[id]?.updatedAt = event.recordedAt
        accounts[id]?.version = event.version
        switch user {
        case .registered: break
        case .profileChanged(let username, let displayName, let bio):
            if let username { accounts[id]?.username = username.value }
            // A cleared field is empty text in the event, and nothing here.
            if let displayName { accounts[id]?.displayName = displayName.value.flatMap { $0.isEmpty ? nil : $0 } }
            if let bio { accounts[id]?.bio = bio.value }
        case .emailChanged(let email): accounts[id]?.email = email.value
        case .roleChanged(let role): accounts[id]?.role = role
        case .deactivated: set("deactivated", id)
        case .reactivated: set("active", id)
        case .closed:
            set("closed", id)
            accounts[id]?.username = nil
            accounts[id]?.email = nil
            accounts[id]?.displayName = nil
            accounts[id]?.bio = nil
        }
    }

    private mutating func set(_ status: String, _ id: UUID) {
        accounts[id]?.status = status
        statuses.insert(status)
    }
}
