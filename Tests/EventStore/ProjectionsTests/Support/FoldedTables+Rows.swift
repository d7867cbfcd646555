import EventSourcing
import FoundationEssentials
import Publishing

/// The same lines from the tables and from the fold.
extension FoldedTables {
    /// Asks the tables for what `lines` makes of the fold.
    static let query = """
        WITH
        post AS (
            SELECT concat_ws('|', 'post', id, author, COALESCE(title, '-'), COALESCE(slug, '-'), COALESCE(content, '-'), COALESCE(excerpt, '-'),
                published, created_at, updated_at, COALESCE(published_at::text, '-'), COALESCE(scheduled_at::text, '-'), version)
            FROM posts.post
        ), account AS (
            SELECT concat_ws('|', 'account', id, COALESCE(username, '-'), COALESCE(email, '-'), COALESCE(display_name, '-'), COALESCE(bio, '-'), role,
                status, created_at, updated_at, version)
            FROM users.account
        )
        SELECT * FROM post
        UNION ALL SELECT * FROM account
        UNION ALL SELECT concat_ws('|', 'author', author, total, published) FROM posts.author_count
        UNION ALL SELECT concat_ws('|', 'published', COALESCE(sum(count), 0)) FROM posts.published_count
        UNION ALL SELECT concat_ws('|', 'status', status, count) FROM users.account_count
        UNION ALL SELECT concat_ws('|', 'total', post, count, published) FROM view_counts.total
        UNION ALL SELECT concat_ws('|', 'hour', post, hour, count) FROM view_counts.hourly
        UNION ALL SELECT concat_ws('|', 'bucket', post, hour, count) FROM trending.bucket
        """

    var lines: Set<String> {
        var lines: Set<String> = ["published|\(posts.values.count { $0.isPublished })"]
        for (id, post) in posts {
            let excerpt = post.content.map { String(String.UnicodeScalarView($0.unicodeScalars.prefix(200))) }
            lines.insert(
                line(
                    "post", id.lowercased, post.author.lowercased, post.title ?? "-", post.slug ?? "-", post.content ?? "-", excerpt ?? "-",
                    flag(post.isPublished), time(post.createdAt), time(post.updatedAt), post.publishedAt.map(time) ?? "-",
                    post.scheduledAt.map(time) ?? "-", "\(post.version)"))
        }
        for author in authors {
            let own = posts.values.filter { $0.author == author }
            lines.insert(line("author", author.lowercased, "\(own.count)", "\(own.count { $0.isPublished })"))
        }
        for (id, account) in accounts {
            lines.insert(
                line(
                    "account", id.lowercased, account.username ?? "-", account.email ?? "-", account.displayName ?? "-", account.bio ?? "-",
                    account.role.rawValue, account.status, time(account.createdAt), time(account.updatedAt), "\(account.version)"))
        }
        for status in statuses { lines.insert(line("status", status, "\(accounts.values.count { $0.status == status })")) }
        for id in drafted.union(views.keys) { lines.insert(line("total", id.lowercased, "\(views[id] ?? 0)", flag(posts[id]?.isPublished == true))) }
        for (id, counts) in hours {
            for (hour, count) in counts {
                for table in ["hour", "bucket"] {
                    lines.insert(line(table, id.lowercased, time(Timestamp(milliseconds: hour * 3_600_000)), "\(count)"))
                }
            }
        }
        return lines
    }

    private func line(_ parts: String...) -> String { parts.joined(separator: "|") }

    private func flag(_ value: Bool) -> String { value ? "t" : "f" }

    /// As PostgreSQL writes it in UTC: without zeros at the end of the fraction.
    private func time(_ time: Timestamp) -> String {
        let text = time.description.dropLast()
        var fraction = text.suffix(4)
        while fraction.hasSuffix("0") { fraction.removeLast() }
        return text.prefix(10) + " " + text.dropLast(4).suffix(8) + (fraction == "." ? "" : fraction) + "+00"
    }
}
