import EventSourcing
import Publishing

/// The dates of a post, and who may read it by them.
struct PostDates {
    private static let names = ["date", "publishDate", "pubDate", "publishedAt", "datePublished", "publishedDate", "published"]

    /// The first that is written; nil where none can be read.
    private(set) var first: Timestamp?
    /// Why the file does not say that the post is public, at whatever time; nil when its dates don't keep it back.
    private(set) var objection: String?
    /// Its readers, unless something else in the file objects.
    private(set) var visibility = Visibility.everyone

    /// - Parameters:
    ///   - address: the date in the post's address.
    ///   - name: the date in its file's name.
    init(_ fields: FrontMatterValue, address: Timestamp?, name: Timestamp?, now: Timestamp) {
        var last: (date: Timestamp, name: String)?
        for name in Self.names {
            for written in fields.all(name) where name != "published" || written.bool == nil {
                guard let date = written.text.flatMap({ BlogDate.read($0) }) else {
                    (first, objection) = (nil, "its \(name) \(written.text.map { "\"\($0)\" " } ?? "")can't be read")
                    return
                }
                first = first ?? date
                if last.map({ $0.date < date }) ?? true { last = (date, name) }
            }
        }
        guard let date = first ?? address ?? name else {
            objection = "it has no date"
            return
        }
        first = date
        let (time, written) = last ?? (date, "date")
        if let reason = Self.expiry(in: fields, publishedAt: time, now: now) {
            visibility = .draft(because: reason)
        } else if time > now.advanced(by: PostRules.longestSchedule) {
            visibility = .draft(because: "its \(written) \(time) lies more than five years ahead")
        } else if time > now {
            visibility = .scheduled(at: time)
        }
    }

    private static func expiry(in fields: FrontMatterValue, publishedAt time: Timestamp, now: Timestamp) -> String? {
        for name in ["expiryDate", "unpublishDate"] {
            for written in fields.all(name) {
                guard let date = written.text.flatMap({ BlogDate.read($0) }) else { return "its \(name) can't be read" }
                if date <= now { return "it expired on \(date)" }
                if date <= time { return "it expires on \(date), before it is public" }
            }
        }
        return nil
    }
}
