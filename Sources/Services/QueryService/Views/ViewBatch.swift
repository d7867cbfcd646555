import EventSourcing
import FoundationEssentials
import JSON

/// The views that go to the log in one call. A repeat has the same key and the same content, so it adds nothing twice.
struct ViewBatch {
    let key: String
    let views: [ViewTally.Entry]

    init(_ views: [ViewTally.Entry], key: String = UUID.v7().lowercased) {
        self.key = key
        self.views = views
    }

    /// All views in it.
    var count: Int64 { views.reduce(0) { $0 + $1.count } }

    /// `{"views": [{"post", "count"}]}`
    var json: JSONObject {
        ["views": .array(views.map { .object(["post": .string($0.post.lowercased), "count": .integer($0.count)]) })]
    }
}
