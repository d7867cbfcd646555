import EventSourcing
import FoundationEssentials
import JSON

/// The views that go to the log in one call. A repeat has the same key and the same content, so it adds nothing twice.
struct ViewBatch {
    let key: String
    /// The stream that gets them all as one event; nil for one post's views alone.
    let window: UUID?
    let views: [ViewTally.Entry]

    /// The views of a window.
    init(_ views: [ViewTally.Entry], in window: UUID) {
        key = UUID.v7().lowercased
        self.window = window
        self.views = views
    }

    /// One view, under a caller's key.
    init(of post: UUID, key: String) {
        self.key = key
        window = nil
        views = [(post, 1)]
    }

    /// All views in it.
    var count: Int64 { views.reduce(0) { $0 + $1.count } }

    /// `{"views": [{"post", "count"}], "window"?}`
    var json: JSONObject {
        var json: JSONObject = ["views": .array(views.map { .object(["post": .string($0.post.lowercased), "count": .integer($0.count)]) })]
        if let window { json["window"] = .string(window.lowercased) }
        return json
    }
}
