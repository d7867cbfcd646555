import EventSourcing
import JSON

extension PostRow {
    /// As `GET /posts/{id}` shows it.
    func writeWhole(to writer: inout JSONWriter) { write("content", to: &writer) }

    /// As lists show it: without the content, with its beginning.
    func writeItem(to writer: inout JSONWriter) { write("excerpt", to: &writer) }

    private func write(_ textName: String, to writer: inout JSONWriter) {
        writer.object {
            $0.member("id", id: id)
            $0.member("title", text: title)
            $0.member("slug", text: slug)
            $0.member(textName, text: text)
            $0.member("published", flag: published)
            $0.member("viewCount", count: viewCount)
            $0.name("author")
            $0.object {
                $0.member("id", id: author)
                $0.member("username", text: authorUsername)
                $0.member("displayName", text: authorDisplayName)
            }
            $0.member("createdAt", time: createdAt)
            $0.member("updatedAt", time: updatedAt)
            $0.member("publishedAt", time: publishedAt)
            $0.member("version", count: version)
        }
    }
}
