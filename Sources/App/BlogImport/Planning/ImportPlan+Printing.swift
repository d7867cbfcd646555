import EventSourcing
package import JSON

extension ImportPlan {
    /// How many files may well be posts and can't become any.
    package var unusable: Int {
        entries.count { entry in
            if case .skip = entry.action { true } else { false }
        }
    }
}

extension ImportPlan.Entry {
    /// One word for what happens.
    package var word: String {
        switch action {
        case .create: "new"
        case .publish: "publish"
        case .schedule: "schedule"
        case .update: "update"
        case .skip: "skip"
        case .nothing(let standing):
            switch standing {
            case .unchanged: "unchanged"
            case .changed: "changed"
            case .expired: "expired"
            case .edited: "edited"
            case .deleted: "deleted"
            case .moved: "moved"
            case .notPost: "no-post"
            case .gone: "gone"
            }
        }
    }

    /// Why nothing happens, where the word does not say it all.
    package var reason: String? {
        switch action {
        case .create, .publish, .schedule, .update: nil
        case .skip(let reason): "\(reason); skipped"
        case .nothing(let standing):
            switch standing {
            case .unchanged: nil
            case .changed: "was changed since it was imported; --update changes the post"
            case .expired where record?.isScheduled == true: "has expired, and its post is still scheduled; --update takes that back"
            case .expired: "has expired, and its post is public; --update hides it"
            case .edited: "was changed here and in the folder; the post stays as it is"
            case .deleted: "was deleted here; it is not imported again"
            case .moved: "is the post of a file that was renamed"
            case .notPost(let reason): reason
            case .gone: "its file is no longer in the folder; the post stays"
            }
        }
    }

    /// Whether the operator wants to read about it. An unchanged post is no news.
    package var isNews: Bool {
        switch action {
        case .create, .publish, .schedule, .update, .skip: true
        case .nothing(let standing):
            switch standing {
            case .changed, .expired, .edited, .deleted, .moved, .gone: true
            case .unchanged, .notPost: false
            }
        }
    }

    /// The reason and the remarks, a line each.
    package var lines: [String] {
        let name = path ?? "post \(record?.id.lowercased ?? "")"
        return ((reason.map { [$0] } ?? []) + remarks + (imagesRemark.map { [$0] } ?? [])).map { "\(name): \($0)" }
    }

    private var imagesRemark: String? {
        guard let images = post?.images, !images.isEmpty else { return nil }
        let more = images.count > 5 ? " and \(images.count - 5) more" : ""
        return "shows \(images.count == 1 ? "an image that is" : "\(images.count) images that are") not imported: "
            + images.prefix(5).joined(separator: ", ") + more
    }

    /// Of a post: `public`, `scheduled` or `draft`.
    package var state: String? {
        switch post?.visibility {
        case .everyone: "public"
        case .scheduled: "scheduled"
        case .draft: "draft"
        case nil: nil
        }
    }

    package var json: JSONObject {
        var object: JSONObject = ["file": path.map { .string($0) } ?? .null, "action": .string(word)]
        if let reason { object["reason"] = .string(reason) }
        if let record { object["post"] = .string(record.id.lowercased) }
        if let post {
            object["state"] = state.map { .string($0) }
            if let time = post.visibility.scheduledAt { object["scheduledAt"] = .string(time.description) }
            if case .draft(let reason) = post.visibility { object["stateReason"] = .string(reason) }
            object["title"] = .string(post.title)
            object["slug"] = .string(slug ?? post.slug)
            object["authors"] = .array(post.authors.map { .string($0) })
            object["date"] = post.date.map { .string($0.description) } ?? .null
            object["images"] = .array(post.images.map { .string($0) })
        }
        object["remarks"] = .array(remarks.map { .string($0) })
        return object
    }
}
